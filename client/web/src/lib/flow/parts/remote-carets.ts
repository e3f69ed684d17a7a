// The others' carets and selections in an editor. Nothing is added to its text: the name is drawn by a style sheet, so
// that neither copying nor a screen reader finds people's names among the words.
import { Annotation, type Range } from '@codemirror/state';
import {
  Decoration,
  EditorView,
  ViewPlugin,
  WidgetType,
  type DecorationSet,
  type ViewUpdate
} from '@codemirror/view';
import * as Y from 'yjs';
import type { Caret, Carets } from './carets';

const moved = Annotation.define<true>();

class CaretWidget extends WidgetType {
  readonly #caret: Caret;

  constructor(caret: Caret) {
    super();
    this.#caret = caret;
  }

  override eq(other: CaretWidget): boolean {
    return other.#caret === this.#caret;
  }

  override toDOM(): HTMLElement {
    const mark = document.createElement('span');
    mark.className = 'cm-remote-caret';
    mark.dataset.name = this.#caret.name;
    mark.style.setProperty('--hue', `var(--hue-${this.#caret.hue})`);
    mark.setAttribute('aria-hidden', 'true');
    return mark;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}

export function remoteCarets(text: Y.Text, carets: Carets) {
  class RemoteCarets {
    decorations: DecorationSet;
    readonly #stop: () => void;

    constructor(view: EditorView) {
      this.decorations = this.#draw();
      this.#stop = carets.onMove(() => view.dispatch({ annotations: moved.of(true) }));
    }

    update(update: ViewUpdate): void {
      if (update.docChanged || update.selectionSet || update.focusChanged) tellMine(update);
      if (update.docChanged || update.transactions.some((change) => change.annotation(moved))) {
        this.decorations = this.#draw();
      }
    }

    destroy(): void {
      this.#stop();
    }

    #draw(): DecorationSet {
      return Decoration.set(
        carets.others.flatMap((caret) => drawCaret(text, caret)),
        true
      );
    }
  }

  function tellMine(update: ViewUpdate): void {
    if (!update.view.hasFocus) return;
    const { anchor, head } = update.state.selection.main;
    carets.tell({ text, anchor, head });
  }

  return [ViewPlugin.fromClass(RemoteCarets, { decorations: (plugin) => plugin.decorations }), theme];
}

function drawCaret(text: Y.Text, caret: Caret): Range<Decoration>[] {
  const anchor = placeIn(text, caret.anchor);
  const head = placeIn(text, caret.head);
  if (anchor === undefined || head === undefined) return [];
  const drawn = [Decoration.widget({ widget: new CaretWidget(caret), side: 1 }).range(head)];
  if (anchor !== head) {
    const attributes = { style: `--hue: var(--hue-${caret.hue})` };
    const mark = Decoration.mark({ class: 'cm-remote-selection', attributes });
    drawn.push(mark.range(Math.min(anchor, head), Math.max(anchor, head)));
  }
  return drawn;
}

function placeIn(text: Y.Text, position: Y.RelativePosition): number | undefined {
  if (!text.doc) return undefined;
  const place = Y.createAbsolutePositionFromRelativePosition(position, text.doc);
  return place?.type === text ? Math.min(place.index, text.length) : undefined;
}

const theme = EditorView.baseTheme({
  '.cm-remote-selection': { backgroundColor: 'color-mix(in srgb, var(--hue) 28%, transparent)' },
  '.cm-remote-caret': {
    position: 'relative',
    margin: '0 -1px',
    borderLeft: '2px solid var(--hue)',
    pointerEvents: 'auto'
  },
  // Says who it is when it moves, then steps aside for the words above it.
  '.cm-remote-caret::after': {
    position: 'absolute',
    zIndex: '1',
    bottom: '1.2em',
    left: '-2px',
    padding: '0 4px',
    borderRadius: 'var(--radius-1)',
    backgroundColor: 'var(--hue)',
    color: 'var(--hue-ink)',
    content: 'attr(data-name)',
    fontSize: '10px',
    fontWeight: '600',
    lineHeight: '14px',
    pointerEvents: 'none',
    whiteSpace: 'nowrap',
    opacity: '0',
    animation: 'cm-remote-name 2.5s'
  },
  '.cm-remote-caret:hover::after': { opacity: '1' },
  '@keyframes cm-remote-name': { '0%, 80%': { opacity: '1' }, '100%': { opacity: '0' } }
});
