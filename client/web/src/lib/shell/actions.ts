// Everything that can be done in the studio, for the command palette and the studio's own shortcuts.
import ArrowLeft from '@lucide/svelte/icons/arrow-left';
import Bookmark from '@lucide/svelte/icons/bookmark';
import BoxSelect from '@lucide/svelte/icons/square-dashed';
import CircleStop from '@lucide/svelte/icons/circle-stop';
import Clapperboard from '@lucide/svelte/icons/clapperboard';
import ClipboardCopy from '@lucide/svelte/icons/clipboard-copy';
import ClipboardPaste from '@lucide/svelte/icons/clipboard-paste';
import Contrast from '@lucide/svelte/icons/contrast';
import Copy from '@lucide/svelte/icons/copy';
import FileText from '@lucide/svelte/icons/file-text';
import Focus from '@lucide/svelte/icons/focus';
import FolderGit from '@lucide/svelte/icons/folder-git-2';
import GitFork from '@lucide/svelte/icons/git-fork';
import History from '@lucide/svelte/icons/history';
import Images from '@lucide/svelte/icons/images';
import Keyboard from '@lucide/svelte/icons/keyboard';
import Lock from '@lucide/svelte/icons/lock';
import LockOpen from '@lucide/svelte/icons/lock-open';
import Maximize from '@lucide/svelte/icons/maximize';
import PanelLeft from '@lucide/svelte/icons/panel-left';
import PanelRight from '@lucide/svelte/icons/panel-right';
import Plus from '@lucide/svelte/icons/plus';
import Redo from '@lucide/svelte/icons/redo-2';
import Scissors from '@lucide/svelte/icons/scissors';
import Search from '@lucide/svelte/icons/search';
import Server from '@lucide/svelte/icons/server';
import Sparkles from '@lucide/svelte/icons/sparkles';
import Trash from '@lucide/svelte/icons/trash';
import Undo from '@lucide/svelte/icons/undo-2';
import UserCog from '@lucide/svelte/icons/user-cog';
import UserPen from '@lucide/svelte/icons/user-pen';
import Users from '@lucide/svelte/icons/users';
import Workflow from '@lucide/svelte/icons/workflow';
import { goto } from '$app/navigation';
import { messageOf } from '$lib/errors';
import { isLive } from '$lib/activity/activity';
import { NODE_ICONS } from '$lib/flow/nodes/icons';
import { CONTRACT, lock, namedTarget, type LockTarget } from '$lib/locks/locking';
import { batchOf, generateBatch, generateLabel } from '$lib/project/batch';
import { cancelJob, deleteNodes, duplicateNodes, whyNoneGoes } from '$lib/project/commands';
import type { LockView } from '$lib/project/locks';
import { NODE_SPECS, type NodeType } from '$lib/schema/generated';
import type { Action } from '$lib/shortcuts/actions';
import { shotCode } from '$lib/tree/tree';
import { count } from '$lib/ui/format';
import { toasts } from '$lib/ui/toasts.svelte';
import { contrast } from './contrast.svelte';
import { leaveIfSignedOut } from './session';
import type { CanvasHandle, Studio } from './studio.svelte';

type Act = (canvas: CanvasHandle) => unknown;

const NOTHING_SELECTED = 'Select something on the canvas first';

/** What can be done now, each with the reason why not where it cannot. Reactive: call it in a derived value. */
export function actionsOf(studio: Studio): Action[] {
  return [
    ...generateActions(studio),
    ...editActions(studio),
    ...lockActions(studio),
    ...viewActions(studio),
    ...goToActions(studio)
  ];
}

function lockActions(studio: Studio): Action[] {
  const { project } = studio;
  const [id = '', ...more] = project.selection;
  const node = more.length === 0 ? project.node(id) : undefined;
  const chosen = node?.type === 'shot' || node?.type === 'style' ? node : undefined;
  const target: LockTarget | undefined = chosen && { kind: chosen.type, id, title: chosen.title };
  return [
    lockAction(studio, target, target && project.locks.node(id), 'Shots'),
    lockAction(studio, CONTRACT, project.locks.contract, 'View and project')
  ];
}

function lockAction(
  studio: Studio,
  target: LockTarget | undefined,
  standing: LockView | undefined,
  group: string
): Action {
  const { project } = studio;
  const named = target ? namedTarget(target) : 'the selected shot or style';
  const nothing = target ? '' : 'Select one shot or style on the canvas first';
  return {
    id: `lock-${target?.kind === 'contract' ? 'contract' : 'node'}`,
    label: standing ? `Unlock ${named}…` : `Lock ${named}`,
    group,
    icon: standing ? LockOpen : Lock,
    keywords: ['freeze', 'protect', 'approve'],
    reason: nothing || project.whyNot(standing ? 'unlock' : 'lock'),
    run: () => target && (standing ? studio.unlock(target) : void lockOrTell(project.id, target))
  };
}

async function lockOrTell(projectId: string, target: LockTarget): Promise<void> {
  try {
    await lock(projectId, target);
  } catch (error) {
    if (!leaveIfSignedOut(error))
      toasts.show({ tone: 'failed', title: `Not locked: ${namedTarget(target)}`, detail: messageOf(error) });
  }
}

function generateActions({ project }: Studio): Action[] {
  const { shots, priceUsd, blocked } = batchOf(project, project.selection);
  const live = project.jobs.filter((job) => isLive(job.status) && !project.isCancelling(job.id));
  return [
    {
      id: 'generate',
      label: shots.length > 0 ? generateLabel(shots.length, priceUsd) : 'Generate a take',
      group: 'Shots',
      icon: Sparkles,
      keywords: ['render', 'take'],
      reason: blocked,
      run: () => generateBatch(project, shots)
    },
    {
      id: 'generate-anew',
      label: shots.length > 1 ? 'Generate all selected shots anew' : 'Generate anew, even if nothing changed',
      group: 'Shots',
      icon: Sparkles,
      keywords: ['render', 'take', 'fresh', 'unchanged', 'cache', 'batch'],
      reason: blocked,
      run: () => generateBatch(project, shots, true)
    },
    {
      id: 'cancel-all',
      label: live.length > 0 ? `Cancel ${count(live.length, 'job')} under way` : 'Cancel what is under way',
      group: 'Shots',
      icon: CircleStop,
      keywords: ['stop', 'abort'],
      reason: project.whyNot('cancel') || (live.length > 0 ? '' : 'Nothing is under way'),
      run: () => live.forEach((job) => cancelJob(project, job.id))
    }
  ];
}

function editActions(studio: Studio): Action[] {
  const { project } = studio;
  const readOnly = project.whyReadOnly;
  const selected = project.selection;
  const needsSelection = readOnly || (selected.length > 0 ? '' : NOTHING_SELECTED);
  const whyNotDelete = needsSelection || whyNoneGoes(project, selected);
  const add = (Object.keys(NODE_SPECS) as NodeType[]).map((type): Action => ({
    id: `add-${type}`,
    label: `Add ${NODE_SPECS[type].label.toLowerCase()} node`,
    group: 'Canvas',
    icon: NODE_ICONS[type],
    keywords: ['new', 'create', 'insert'],
    reason: readOnly,
    run: () => void studio.onCanvas((canvas) => canvas.addNodeAtCentre(type))
  }));
  const onCanvas = (id: string, label: string, icon: Action['icon'], reason: string, run: Act): Action => ({
    id,
    label,
    group: 'Canvas',
    icon,
    reason,
    run: () => void studio.onCanvas(run)
  });
  return [
    ...add,
    onCanvas('add-node', 'Add a node by typing', Plus, readOnly, (canvas) => canvas.openSearch()),
    onCanvas('select-all', 'Select all', BoxSelect, '', (canvas) => canvas.selectAll()),
    onCanvas('copy', 'Copy', ClipboardCopy, selected.length > 0 ? '' : NOTHING_SELECTED, (canvas) =>
      canvas.copySelected()
    ),
    onCanvas('cut', 'Cut', Scissors, whyNotDelete, (canvas) => canvas.cutSelected()),
    onCanvas('paste', 'Paste', ClipboardPaste, readOnly, (canvas) => canvas.paste()),
    {
      id: 'duplicate',
      label: 'Duplicate with links',
      group: 'Canvas',
      icon: Copy,
      reason: needsSelection,
      run: () => (project.selection = duplicateNodes(project, selected))
    },
    {
      id: 'delete',
      label: selected.length > 1 ? `Delete ${selected.length} nodes` : 'Delete selection',
      group: 'Canvas',
      icon: Trash,
      keywords: ['remove'],
      reason: whyNotDelete,
      run: () => deleteNodes(project, selected)
    },
    {
      id: 'undo',
      label: 'Undo',
      group: 'Canvas',
      icon: Undo,
      reason: readOnly || (project.canUndo ? '' : 'You have changed nothing yet'),
      run: () => project.undo()
    },
    {
      id: 'redo',
      label: 'Redo',
      group: 'Canvas',
      icon: Redo,
      reason: readOnly || (project.canRedo ? '' : 'There is nothing to redo'),
      run: () => project.redo()
    }
  ];
}

function viewActions(studio: Studio): Action[] {
  const { project } = studio;
  const view = (id: string, label: string, icon: Action['icon'], run: () => void, reason = ''): Action => ({
    id,
    label,
    group: 'View and project',
    icon,
    reason,
    run
  });
  return [
    view('fit', 'Zoom to fit', Maximize, () => void studio.onCanvas((canvas) => canvas.fitView())),
    view(
      'frame',
      'Frame selection',
      Focus,
      () => void studio.onCanvas((canvas) => canvas.frameSelection()),
      project.selection.length > 0 ? '' : NOTHING_SELECTED
    ),
    view('view-canvas', 'Show the canvas', Workflow, () => (studio.view = 'canvas')),
    view('view-takes', 'Show all takes', Images, () => (studio.view = 'takes')),
    view(
      'view-scripts',
      'Show the documents: treatment, screenplay …',
      FileText,
      () => (studio.view = 'scripts')
    ),
    {
      ...view('view-versions', 'Show the versions', History, () => (studio.view = 'versions')),
      keywords: ['history', 'timeline', 'restore', 'compare', 'diff', 'time travel']
    },
    {
      ...view('view-farm', 'Show the farm: nodes, queues and costs', Server, () => (studio.view = 'farm')),
      keywords: ['node', 'gpu', 'queue', 'worker', 'render', 'log']
    },
    ...(project.past ? [view('back-to-now', 'Back to now', Undo, () => studio.leavePast())] : []),
    view('snapshot', 'Save a named version', Bookmark, () => (studio.dialog = 'snapshot')),
    ...(project.olderCopy
      ? [view('copy', 'Decide about your older copy', GitFork, () => (studio.dialog = 'copy'))]
      : []),
    {
      ...view('people', 'Share: members and guest links', Users, () => (studio.dialog = 'people')),
      keywords: ['people', 'invite', 'role', 'permission']
    },
    {
      ...view('changes', 'Who changed what', UserPen, () => (studio.dialog = 'changes')),
      keywords: ['activity', 'audit', 'blame', 'history']
    },
    {
      ...view(
        'where',
        'Where is my work? Clone address and remote',
        FolderGit,
        () => (studio.dialog = 'where')
      ),
      keywords: ['git', 'clone', 'push', 'remote', 'repository', 'lfs', 'settings']
    },
    view('account', 'Your account', UserCog, () => void goto('/account')),
    view('brief', 'Open the brief', FileText, () => studio.showBrief()),
    view('panel-left', 'Show or hide project panel', PanelLeft, () => studio.togglePanel('left')),
    view('panel-right', 'Show or hide inspector', PanelRight, () => studio.togglePanel('right')),
    view('contrast', contrast.isMore ? 'Normal contrast' : 'High contrast', Contrast, () =>
      contrast.toggle()
    ),
    view('shortcuts', 'Keyboard shortcuts', Keyboard, () => (studio.dialog = 'shortcuts')),
    view('palette', 'Command palette', Search, () => (studio.dialog = 'palette')),
    view('projects', 'All projects', ArrowLeft, () => void goto('/'))
  ];
}

function goToActions(studio: Studio): Action[] {
  return studio.project.nodes
    .filter((node) => node.type === 'shot')
    .map((shot) => ({
      id: `go-${shot.id}`,
      label: `${shotCode(shot)} ${shot.title}`,
      group: 'Go to shot',
      icon: Clapperboard,
      run: () => studio.goTo(shot.id)
    }));
}
