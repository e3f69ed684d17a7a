// The film as a tree: chapters and scenes of the narrative, with the shots of the canvas and their takes hung into it.
import type { Narrative } from '$lib/schema/generated';

export interface ShotEntry {
  id: string;
  title: string;
  chapter: number;
  scene: number;
  shot: number;
}

export interface TakeEntry {
  id: string;
  name: string;
  number: number;
}

export interface TreeItem {
  /** Stable across rebuilds, so that folding and focus survive. */
  key: string;
  kind: 'chapter' | 'scene' | 'shot' | 'take';
  /** Short code in front of the title: "S01", "take02". */
  code: string;
  title: string;
  /** The shot's node, for shots and takes. */
  node: string;
  take: string;
  /** Another shot has the same number, e.g. after two people worked offline. */
  clash: boolean;
  children: TreeItem[];
}

export function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}

/** "S01_S02": scene and shot as take names spell them. */
export function shotCode(shot: Pick<ShotEntry, 'scene' | 'shot'>): string {
  return `S${twoDigits(shot.scene)}_S${twoDigits(shot.shot)}`;
}

/** Builds the tree. Chapters and scenes that only shots mention are there too, without a title. */
export function buildTree(
  narrative: Narrative,
  shots: readonly ShotEntry[],
  takesOf: (node: string) => readonly TakeEntry[]
): TreeItem[] {
  const chapters = new Map<number, Map<number, ShotEntry[]>>();
  const place = (chapter: number, scene?: number): ShotEntry[] => {
    const scenes = chapters.get(chapter) ?? new Map<number, ShotEntry[]>();
    chapters.set(chapter, scenes);
    if (scene === undefined) return [];
    const list = scenes.get(scene) ?? [];
    scenes.set(scene, list);
    return list;
  };
  for (const chapter of narrative.chapters) {
    place(chapter.number);
    for (const scene of chapter.scenes) place(chapter.number, scene.number);
  }
  for (const shot of shots) place(shot.chapter, shot.scene).push(shot);
  return sorted(chapters).map(([number, scenes]) => {
    const known = narrative.chapters.find((chapter) => chapter.number === number);
    return item({
      key: `chapter/${number}`,
      kind: 'chapter',
      code: String(number),
      title: known?.title ?? `Chapter ${number}`,
      children: sorted(scenes).map(([sceneNumber, list]) =>
        sceneItem(
          number,
          sceneNumber,
          known?.scenes.find((s) => s.number === sceneNumber)?.title,
          list,
          takesOf
        )
      )
    });
  });
}

function sceneItem(
  chapter: number,
  scene: number,
  title: string | undefined,
  shots: ShotEntry[],
  takesOf: (node: string) => readonly TakeEntry[]
): TreeItem {
  const numbers = new Map<number, number>();
  for (const { shot } of shots) numbers.set(shot, (numbers.get(shot) ?? 0) + 1);
  const inOrder = [...shots].sort(
    (a, b) => a.shot - b.shot || a.title.localeCompare(b.title) || order(a.id, b.id)
  );
  return item({
    key: `scene/${chapter}/${scene}`,
    kind: 'scene',
    code: String(scene),
    title: title ?? `Scene ${scene}`,
    children: inOrder.map((shot) =>
      item({
        key: `shot/${shot.id}`,
        kind: 'shot',
        code: twoDigits(shot.shot),
        title: shot.title,
        node: shot.id,
        clash: (numbers.get(shot.shot) ?? 0) > 1,
        children: takesOf(shot.id).map((take) =>
          item({
            key: `take/${take.id}`,
            kind: 'take',
            code: '',
            title: `Take ${take.number}`,
            node: shot.id,
            take: take.id
          })
        )
      })
    )
  });
}

/** Whether anything was shot below this item. */
export function hasShots(entry: TreeItem): boolean {
  return entry.kind === 'shot' || entry.children.some(hasShots);
}

export interface TreeRow {
  item: TreeItem;
  /** 1 for chapters. */
  level: number;
  parent: string;
  open: boolean;
  position: number;
  siblings: number;
}

/** The rows that are in view: what is folded away is left out. `flipped` holds the keys that were folded against the usual. */
export function visibleRows(items: readonly TreeItem[], flipped: ReadonlySet<string>): TreeRow[] {
  const rows: TreeRow[] = [];
  const walk = (list: readonly TreeItem[], level: number, parent: string) => {
    list.forEach((entry, index) => {
      const open = entry.children.length > 0 && isOpen(entry, flipped);
      rows.push({ item: entry, level, parent, open, position: index + 1, siblings: list.length });
      if (open) walk(entry.children, level + 1, entry.key);
    });
  };
  walk(items, 1, '');
  return rows;
}

/** Chapters and scenes with shots are open and shots are closed, unless somebody flipped them. */
export function isOpen(entry: TreeItem, flipped: ReadonlySet<string>): boolean {
  const usual = entry.kind !== 'shot' && hasShots(entry);
  return flipped.has(entry.key) ? !usual : usual;
}

export type Move = { focus: string } | { flip: string } | null;

/** What an arrow key does in a tree, as the ARIA authoring practices describe it. */
export function moveInTree(rows: readonly TreeRow[], at: string, key: string): Move {
  const index = rows.findIndex((row) => row.item.key === at);
  const row = rows[index];
  if (!row) return null;
  const to = (target: number): Move => {
    const next = rows[Math.min(rows.length - 1, Math.max(0, target))];
    return next ? { focus: next.item.key } : null;
  };
  switch (key) {
    case 'ArrowDown':
      return to(index + 1);
    case 'ArrowUp':
      return to(index - 1);
    case 'Home':
      return to(0);
    case 'End':
      return to(rows.length - 1);
    case 'ArrowRight':
      if (row.item.children.length === 0) return null;
      return row.open ? to(index + 1) : { flip: at };
    case 'ArrowLeft':
      if (row.open) return { flip: at };
      return row.parent ? { focus: row.parent } : null;
    default:
      return null;
  }
}

function item(fields: Partial<TreeItem> & Pick<TreeItem, 'key' | 'kind' | 'title'>): TreeItem {
  return { code: '', node: '', take: '', clash: false, children: [], ...fields };
}

function sorted<Value>(map: Map<number, Value>): [number, Value][] {
  return [...map].sort(([a], [b]) => a - b);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
