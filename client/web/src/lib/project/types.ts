// What components see of a project: plain, immutable views of the shared documents.
import type { AnyNode, Edge, Job, NodeType, Position, PresenceUser, Take } from '../schema/generated';

export type Connection = {
  /** `stuck`: edits reach everybody, but the server cannot write them to its disk. */
  kind: 'connecting' | 'saved' | 'saving' | 'stuck' | 'offline' | 'readonly' | 'refused' | 'failed';
  /** Local changes that the server has not yet confirmed to be on its disk. */
  unsynced: number;
  message: string;
};

export type Person = {
  clientId: number;
  user: PresenceUser;
  isMe: boolean;
  cursor: Position | null;
  selection: string[];
  dragging: Record<string, Position>;
  editing: { node: string; field: string } | null;
};

export type NodeView = AnyNode & { id: string };
export type EdgeView = Edge & { id: string };
export type JobView = Job & { id: string };
export type TakeView = Take & { id: string; url: string; thumbnailUrl: string };

/** What decides how the canvas is laid out; changes far less often than the words inside a node. */
export type NodePlace = { id: string; type: NodeType; position: Position };
