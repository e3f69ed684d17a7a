// The takes of a project beside their files on the server: what a comparison found, in words.
import { projectPath, send } from '$lib/rest';
import { count } from '$lib/ui/format';

/** A take's file; the numbers are null as far as nobody knows them. */
export interface TakeFile {
  id: string | null;
  name: string;
  chapter: number | null;
  scene: number | null;
  shot: number | null;
  take: number | null;
}

export interface Reconciled {
  restored: TakeFile[];
  vanished: TakeFile[];
  unknown: TakeFile[];
  damaged: TakeFile[];
}

export type Finding = {
  kind: keyof Reconciled;
  tone: 'done' | 'running' | 'failed';
  /** "2 files were gone and are back". */
  title: string;
  /** What to do about it; "" when nothing is to be done. */
  advice: string;
  files: readonly TakeFile[];
};

type Words = { tone: Finding['tone']; one: string; many: string; advice: string };

const WORDS: Record<keyof Reconciled, Words> = {
  restored: {
    tone: 'done',
    one: 'was gone from its folder and is back',
    many: 'were gone from their folders and are back',
    advice: ''
  },
  vanished: {
    tone: 'failed',
    one: 'of a take is gone, and so are its bytes',
    many: 'of takes are gone, and so are their bytes',
    advice: 'Whoever has a clone or a backup can put them back into 03_Renders; then compare again.'
  },
  damaged: {
    tone: 'failed',
    one: 'is not what was generated',
    many: 'are not what was generated',
    advice:
      'Somebody has changed or cut them on the disk. Whoever runs Workprint can move them away; then compare again, and the originals come back.'
  },
  unknown: {
    tone: 'running',
    one: 'belongs to no take',
    many: 'belong to no take',
    advice: 'They stay where they are. To have them in the project, add them under Assets.'
  }
};
const ORDER = ['restored', 'vanished', 'damaged', 'unknown'] as const;

export function reconcile(project: string): Promise<Reconciled> {
  return send<Reconciled>('POST', projectPath(project, 'takes', 'reconcile'), {});
}

/** What was found, the good news first; empty when every take has its file and every file its take. */
export function findingsOf(found: Reconciled): Finding[] {
  return ORDER.filter((kind) => found[kind].length > 0).map((kind) => {
    const { tone, one, many, advice } = WORDS[kind];
    const files = found[kind];
    return {
      kind,
      tone,
      files,
      advice,
      title: `${count(files.length, 'file')} ${files.length === 1 ? one : many}`
    };
  });
}
