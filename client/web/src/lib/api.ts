// Typed access to the server's REST interface; everything else travels through the shared documents.
import { errorFrom, get, notReached, send } from './rest';
import type {
  CreativeContract,
  Gate,
  Governance,
  Manifest,
  NarrativeStructure,
  Role,
  SocketType,
  Tier,
  WhenBusy
} from './schema/generated';

export interface Me {
  id: string;
  name: string;
  /** In the workspace; a project may give another one. Null for guests, who have none there. */
  role: Role | null;
  hue: number;
  /** Came in by a guest link: there is no account, and no other project. */
  guest?: boolean;
}

/** A project as it stands in the gallery. */
export interface ProjectCard {
  id: string;
  name: string;
  description: string;
  updated: string;
  role: Role;
  /** Address of a picture, or null while nothing has been generated. */
  poster: string | null;
  shots: number;
  takes: number;
  /** Why it cannot be opened, in words; empty when it can. */
  problem: string;
}

export interface Budget {
  cap: number | null;
  spent: number;
  reserved: number;
}

export interface ProjectInfo {
  id: string;
  name: string;
  description: string;
  role: Role;
  manifest: Manifest;
  gates: Gate[];
  budget: Budget;
}

export interface NewProject {
  name: string;
  description?: string;
  quality?: Tier;
  structure?: NarrativeStructure;
  governance?: Governance;
  creativeContract?: Partial<CreativeContract>;
}

export interface ProjectPatch {
  name?: string;
  description?: string;
  quality?: Tier;
  aspectRatio?: string;
  governance?: Governance;
  when_busy?: WhenBusy;
  creativeContract?: Partial<CreativeContract>;
  /** Why, where what is changed is locked. */
  reason?: string;
}

export interface PipelineParam {
  name: string;
  type: 'string' | 'integer' | 'float' | 'boolean' | 'enum' | 'palette';
  default: unknown;
  label: string;
  help: string;
  minimum: number | null;
  maximum: number | null;
  choices: string[];
  unit: string;
}

export interface PipelineTier {
  available: boolean;
  /** What is missing, in words; empty when it is available. */
  needs: string;
  /** What the nearest connected farm node lacks, and its name; empty when it is available or none is connected. */
  lacks?: string;
  long_edge_px: number;
  seconds_prior: number;
}

/** A socket of the shots that run on a pipeline. */
export interface PipelineInput {
  name: string;
  label?: string;
  types: SocketType[];
  many?: boolean;
}

/** What this browser remembers from an older version may lack what is optional here. */
export interface PipelineInfo {
  id: string;
  version: string;
  uuid?: string;
  label: string;
  summary: string;
  task?: string;
  output?: SocketType;
  /** Kinds that it makes beside `output`, or instead. */
  also?: SocketType[];
  inputs: PipelineInput[];
  params: PipelineParam[];
  price_usd: number;
  price_unit?: 'image' | 'second' | 'job';
  /** Why nobody can run it in this version, completing "it ..."; empty when somebody can. */
  unavailable?: string;
  tiers: Partial<Record<Tier, PipelineTier>>;
  licence: string;
  source: string;
  /** When price and licence were looked up, and which of them; "unchecked" while nobody has. */
  checked?: string;
}

export const api = {
  me: () => get<Me>('/api/me'),
  login: (username: string, password: string) => send<Me>('POST', '/auth/login', { username, password }),
  logout: () => send<unknown>('POST', '/auth/logout'),
  /** A short-lived token for the socket's authentication message. */
  socketToken: async () => (await get<{ token: string }>('/auth/socket-token')).token,
  projects: () => get<ProjectCard[]>('/api/projects'),
  createProject: (body: NewProject) => send<{ id: string; name: string }>('POST', '/api/projects', body),
  /** Without its canvas, which comes by websocket. */
  project: (id: string) => get<ProjectInfo>(`/api/projects/${encodeURIComponent(id)}?graph=0`),
  patchProject: (id: string, body: ProjectPatch) =>
    send<ProjectInfo>('PATCH', `/api/projects/${encodeURIComponent(id)}?graph=0`, body),
  uploadReferences,
  pipelines: () => get<PipelineInfo[]>('/api/pipelines'),
  snapshot: (id: string, name?: string) =>
    send<{ commit: string | null }>(
      'POST',
      `/api/projects/${encodeURIComponent(id)}/snapshots`,
      name ? { name } : {}
    ),
  health: () => get<Record<string, unknown>>('/healthz')
};

/** Address of a stored file of a project; immutable, so browsers keep it for ever. */
export function mediaUrl(projectId: string, blob: string): string {
  return `/api/projects/${encodeURIComponent(projectId)}/media/${encodeURIComponent(blob)}`;
}

/** Sends images to the project's reference pack; XMLHttpRequest, because fetch tells no upload progress. */
function uploadReferences(
  id: string,
  files: Iterable<File>,
  onProgress: (fraction: number) => void = () => undefined
): Promise<{ referencePack: string[] }> {
  const form = new FormData();
  for (const file of files) form.append('files', file, file.name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api/projects/${encodeURIComponent(id)}/references`);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onerror = () => reject(notReached());
    request.onload = () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText) as { referencePack: string[] });
      else reject(errorFrom(request.status, request.responseText));
    };
    request.send(form);
  });
}
