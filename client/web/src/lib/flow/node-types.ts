// Which component draws which type of node and edge.
import type { EdgeTypes, NodeTypes } from '@xyflow/svelte';
import type { NodeType } from '../schema/generated';
import JoinEdge from './edges/JoinEdge.svelte';
import NoteNode from './nodes/NoteNode.svelte';
import PipelineNode from './nodes/PipelineNode.svelte';
import PromptNode from './nodes/PromptNode.svelte';
import ShotNode from './nodes/ShotNode.svelte';
import StyleNode from './nodes/StyleNode.svelte';

export const nodeTypes: NodeTypes & Record<NodeType, unknown> = {
  shot: ShotNode,
  pipeline: PipelineNode,
  style: StyleNode,
  prompt: PromptNode,
  note: NoteNode
};

export const edgeTypes: EdgeTypes = { join: JoinEdge };
