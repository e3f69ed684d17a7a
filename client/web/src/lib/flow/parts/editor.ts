// A CodeMirror editor on a shared text: grows with its words, shows the others' carets, and undoes with everything else.
import { defaultKeymap } from '@codemirror/commands';
import { Compartment, EditorSelection, EditorState, type Extension } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next';
import type * as Y from 'yjs';
import type { Carets } from './carets';
import { remoteCarets } from './remote-carets';

export type EditorOptions = {
  parent: HTMLElement;
  text: Y.Text;
  carets: Carets;
  undoManager: Y.UndoManager;
  placeholder: string;
  label: string;
  onFocus: (focused: boolean) => void;
  onSubmit: () => void;
};

export class PromptEditor {
  readonly #view: EditorView;
  readonly #writable = new Compartment();
  readonly #carets: Carets;

  constructor(options: EditorOptions, writable: boolean) {
    this.#carets = options.carets;
    this.#view = new EditorView({
      parent: options.parent,
      state: EditorState.create({
        doc: options.text.toString(),
        extensions: [this.#writable.of(mode(writable)), extensions(options, this.#forgetCaret)]
      })
    });
  }

  set writable(on: boolean) {
    this.#view.dispatch({ effects: this.#writable.reconfigure(mode(on)) });
  }

  focus(): void {
    this.#view.focus();
  }

  destroy(): void {
    if (this.#view.hasFocus) this.#forgetCaret();
    this.#view.destroy();
  }

  readonly #forgetCaret = (): void => this.#carets.tell(null);
}

function mode(writable: boolean): Extension {
  return [EditorState.readOnly.of(!writable), EditorView.editable.of(writable)];
}

function extensions(options: EditorOptions, forgetCaret: () => void): Extension {
  return [
    keymap.of([
      { key: 'Mod-Enter', run: () => (options.onSubmit(), true) },
      { key: 'Escape', run: (view) => (view.contentDOM.blur(), true) },
      ...yUndoManagerKeymap,
      ...defaultKeymap
    ]),
    EditorView.lineWrapping,
    placeholder(options.placeholder),
    EditorView.contentAttributes.of({ 'aria-label': options.label, spellcheck: 'true' }),
    EditorView.domEventHandlers({
      focus: () => options.onFocus(true),
      blur: (_event, view) => {
        forgetCaret();
        options.onFocus(false);
        queueMicrotask(() => forgetSide(view));
      }
    }),
    // The default also scrolls what stands around the editor, and would tear the canvas out of its frame.
    EditorView.scrollHandler.of((view, range) => {
      const caret = view.lineBlockAt(range.head);
      const { scrollTop, clientHeight } = view.scrollDOM;
      if (caret.top < scrollTop) view.scrollDOM.scrollTop = caret.top;
      if (caret.bottom > scrollTop + clientHeight) view.scrollDOM.scrollTop = caret.bottom - clientHeight;
      return true;
    }),
    yCollab(options.text, null, { undoManager: options.undoManager }),
    remoteCarets(options.text, options.carets),
    theme
  ];
}

/**
 * At the end of a wrapped line a caret remembers on which of the two lines it stands, and CodeMirror keeps the browser's
 * own selection there even when the focus is elsewhere, which takes the focus back: the next key would be typed here.
 */
function forgetSide(view: EditorView): void {
  const { anchor, head, assoc } = view.state.selection.main;
  if (assoc !== 0 && !view.hasFocus) view.dispatch({ selection: EditorSelection.single(anchor, head) });
}

const theme = EditorView.theme(
  {
    '&': { color: 'var(--text-1)', fontSize: 'var(--size-base)', backgroundColor: 'transparent' },
    '&.cm-focused': { outline: 'none' },
    '.cm-scroller': {
      fontFamily: 'var(--font-ui)',
      lineHeight: '1.5',
      maxHeight: 'var(--editor-max, 168px)',
      minHeight: 'var(--editor-min, 60px)',
      overflow: 'auto'
    },
    '.cm-content': { padding: 'var(--space-2) 0', caretColor: 'var(--text-1)' },
    '.cm-line': { padding: '0 var(--space-3)' },
    '.cm-placeholder': { color: 'var(--text-placeholder)' }
  },
  { dark: true }
);
