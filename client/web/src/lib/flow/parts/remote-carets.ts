// The others' carets and selections in an editor. They are drawn on a layer over the text, so that neither copying nor
// a screen reader finds people's names among the words.
import { Annotation, EditorSelection, type Extension, type Range } from '@codemirror/state';
import {
  Decoration,
  EditorView,
  layer,
  RectangleMarker,
  ViewPlugin,
  type DecorationSet,
  type LayerMarker,
  type ViewUpdate
} from '@codemirror/view';
import * as Y from 'yjs';
import type { Caret, Carets } from './carets';

const moved = Annotation.define<true>();

class CaretMarker implements LayerMarker {
  readonly #caret: Caret;
  readonly #place: RectangleMarker;

  /** Whether the name stands to the left of the caret, because there is no room on the right. */
  readonly #leftwards: boolean;

  constructor(caret: Caret, place: RectangleMarker, leftwards: boolean) {
    this.#caret = caret;
    this.#place = place;
    this.#leftwards = leftwards;
  }

  eq(other: CaretMarker): boolean {
    return other.#caret === this.#caret && other.#place.eq(this.#place);
  }

  draw(): HTMLElement {
    const mark = document.createElement('div');
    mark.className = this.#leftwards ? 'cm-remote-caret cm-leftwards' : 'cm-remote-caret';
    mark.dataset.name = this.#caret.name;
    mark.style.setProperty('--hue', `var(--hue-${this.#caret.hue})`);
    mark.style.left = `${this.#place.left}px`;
    mark.style.top = `${this.#place.top}px`;
    mark.style.height = `${this.#place.height}px`;
    return mark;
  }
}

export function remoteCarets(text: Y.Text, carets: Carets): Extension {
  class Selections {
    decorations: DecorationSet;
    readonly #stop: () => void;

    constructor(view: EditorView) {
      this.decorations = this.#draw();
      this.#stop = carets.onMove(() => view.dispatch({ annotations: moved.of(true) }));
    }

    update(update: ViewUpdate): void {
      if (update.docChanged || update.selectionSet || update.focusChanged) tellMine(update);
      if (mustRedraw(update)) this.decorations = this.#draw();
    }

    destroy(): void {
      this.#stop();
    }

    #draw(): DecorationSet {
      return Decoration.set(
        carets.others.flatMap((caret) => selectionOf(text, caret)),
        true
      );
    }
  }

  function tellMine(update: ViewUpdate): void {
    if (!update.view.hasFocus) return;
    const { anchor, head } = update.state.selection.main;
    carets.tell({ text, anchor, head });
  }

  const caretLayer = layer({
    above: true,
    class: 'cm-remote-carets',
    update: mustRedraw,
    markers: (view) => carets.others.flatMap((caret) => caretMarkers(view, text, caret))
  });
  return [
    ViewPlugin.fromClass(Selections, { decorations: (plugin) => plugin.decorations }),
    caretLayer,
    theme
  ];
}

function mustRedraw(update: ViewUpdate): boolean {
  return (
    update.docChanged ||
    update.geometryChanged ||
    update.transactions.some((transaction) => transaction.annotation(moved) === true)
  );
}

function caretMarkers(view: EditorView, text: Y.Text, caret: Caret): CaretMarker[] {
  const head = placeIn(text, caret.head);
  // Between a change of the shared text and its arrival in the editor the two may differ in length.
  if (head === undefined || head > view.state.doc.length) return [];
  const places = RectangleMarker.forRange(view, '', EditorSelection.cursor(head));
  const half = view.scrollDOM.clientWidth / 2;
  return places.map((place) => new CaretMarker(caret, place, place.left > half));
}

function selectionOf(text: Y.Text, caret: Caret): Range<Decoration>[] {
  const anchor = placeIn(text, caret.anchor);
  const head = placeIn(text, caret.head);
  if (anchor === undefined || head === undefined || anchor === head) return [];
  const attributes = { style: `--hue: var(--hue-${caret.hue})` };
  const mark = Decoration.mark({ class: 'cm-remote-selection', attributes });
  return [mark.range(Math.min(anchor, head), Math.max(anchor, head))];
}

function placeIn(text: Y.Text, position: Y.RelativePosition): number | undefined {
  if (!text.doc) return undefined;
  const place = Y.createAbsolutePositionFromRelativePosition(position, text.doc);
  return place?.type === text ? Math.min(place.index, text.length) : undefined;
}

const theme = EditorView.baseTheme({
  '.cm-remote-selection': { backgroundColor: 'color-mix(in srgb, var(--hue) 28%, transparent)' },
  '.cm-remote-caret': {
    position: 'absolute',
    width: '2px',
    marginLeft: '-1px',
    backgroundColor: 'var(--hue)',
    pointerEvents: 'none'
  },
  // Says who it is when it moves, then steps aside for the words above it.
  '.cm-remote-caret::after': {
    position: 'absolute',
    bottom: '100%',
    left: '0',
    padding: '0 4px',
    borderRadius: 'var(--radius-1)',
    backgroundColor: 'var(--hue)',
    color: 'var(--hue-ink)',
    content: 'attr(data-name)',
    fontSize: '10px',
    fontWeight: '600',
    lineHeight: '14px',
    whiteSpace: 'nowrap',
    opacity: '0',
    animation: 'cm-remote-name 2.5s'
  },
  '.cm-leftwards::after': { left: 'auto', right: '0' },
  '@keyframes cm-remote-name': { '0%, 80%': { opacity: '1' }, '100%': { opacity: '0' } }
});
