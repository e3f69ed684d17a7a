// The creative documents of a project: which there are, and making new ones from a template.
import { get, projectPath, send } from '$lib/rest';

export type ScriptKind = 'treatment' | 'screenplay' | 'beat-sheet' | 'shot-list';

export interface Script {
  /** The last part of its document's name, `script/{name}`. */
  name: string;
  kind: ScriptKind;
  title: string;
}

export const scripts = {
  list: async (project: string) =>
    (await get<{ scripts: Script[] }>(projectPath(project, 'scripts'))).scripts,
  create: (project: string, kind: ScriptKind, title: string) =>
    send<Script>('POST', projectPath(project, 'scripts'), { kind, title })
};
