// A CodeMirror editor for a whole shared document: a page of text with everybody's carets, and Fountain's lines told apart.
import { defaultKeymap } from '@codemirror/commands';
import { Compartment, EditorState, type Extension } from '@codemirror/state';
import {
  Decoration,
  drawSelection,
  EditorView,
  keymap,
  placeholder,
  ViewPlugin,
  type DecorationSet,
  type ViewUpdate
} from '@codemirror/view';
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next';
import * as Y from 'yjs';
import { Carets } from '../flow/parts/carets';
import { remoteCarets } from '../flow/parts/remote-carets';
import type { SideDocument } from '../sync/side-document';
import { readFountain } from './fountain';

export type ScriptOptions = {
  parent: HTMLElement;
  document: SideDocument;
  label: string;
  /** Tells a screenplay's headings, speakers and words apart. */
  fountain: boolean;
  onText: (text: string) => void;
};

/** The one text of a script. */
export function textOf(document: SideDocument): Y.Text {
  return document.doc.getText('text');
}

export class ScriptEditor {
  readonly #view: EditorView;
  readonly #carets: Carets;
  readonly #undo: Y.UndoManager;
  readonly #writable = new Compartment();

  constructor(options: ScriptOptions) {
    const text = textOf(options.document);
    this.#carets = new Carets(options.document.awareness);
    this.#undo = new Y.UndoManager(text);
    this.#view = new EditorView({
      parent: options.parent,
      state: EditorState.create({
        doc: text.toString(),
        extensions: [
          this.#writable.of(mode(false)),
          keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
          EditorView.lineWrapping,
          drawSelection(),
          placeholder('Write here. Everybody in the project sees it as you type.'),
          EditorView.contentAttributes.of({ 'aria-label': options.label, spellcheck: 'true' }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) options.onText(update.state.doc.toString());
          }),
          EditorView.domEventHandlers({ blur: () => this.#carets.tell(null) }),
          yCollab(text, null, { undoManager: this.#undo }),
          remoteCarets(text, this.#carets),
          options.fountain ? fountainLines : [],
          theme
        ]
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
    this.#carets.tell(null);
    this.#carets.destroy();
    this.#view.destroy();
    this.#undo.destroy();
  }
}

function mode(writable: boolean): Extension {
  return [EditorState.readOnly.of(!writable), EditorView.editable.of(writable)];
}

const fountainLines = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;
    #kinds: readonly string[] = [];

    constructor(view: EditorView) {
      this.#read(view);
      this.decorations = this.#draw(view);
    }

    update(update: ViewUpdate): void {
      if (update.docChanged) this.#read(update.view);
      if (update.docChanged || update.viewportChanged) this.decorations = this.#draw(update.view);
    }

    #read(view: EditorView): void {
      this.#kinds = readFountain(view.state.doc.toString().split('\n'));
    }

    #draw(view: EditorView): DecorationSet {
      const marks = [];
      for (const { from, to } of view.visibleRanges) {
        for (let position = from; position <= to;) {
          const line = view.state.doc.lineAt(position);
          const kind = this.#kinds[line.number - 1];
          if (kind && kind !== 'action' && kind !== 'empty')
            marks.push(Decoration.line({ class: `fountain-${kind}` }).range(line.from));
          position = line.to + 1;
        }
      }
      return Decoration.set(marks);
    }
  },
  { decorations: (plugin) => plugin.decorations }
);

const theme = EditorView.theme(
  {
    '&': { height: '100%', color: 'var(--text-1)', fontSize: 'var(--size-base)' },
    '&.cm-focused': { outline: 'none' },
    '.cm-scroller': { fontFamily: 'var(--font-mono)', lineHeight: '1.6', overflow: 'auto' },
    // A page is about 60 characters wide; the room below lets the last line stand in the middle.
    '.cm-content': {
      width: 'min(100%, 70ch)',
      margin: '0 auto',
      padding: 'var(--space-5) var(--space-4) 40vh',
      caretColor: 'var(--text-1)'
    },
    '.cm-line': { padding: '0' },
    '.cm-cursor': { borderLeftColor: 'var(--text-1)', borderLeftWidth: '2px' },
    '.cm-selectionBackground, &.cm-focused .cm-selectionBackground': {
      backgroundColor: 'var(--surface-4) !important'
    },
    '.cm-placeholder': { color: 'var(--text-placeholder)' },
    '.fountain-title': { color: 'var(--text-2)' },
    '.fountain-scene': { fontWeight: '700' },
    '.fountain-section': { color: 'var(--text-2)', fontWeight: '700' },
    '.fountain-synopsis': { color: 'var(--text-2)', fontStyle: 'italic' },
    '.fountain-character': { paddingLeft: '22ch', fontWeight: '600' },
    '.fountain-parenthetical': { paddingLeft: '16ch', color: 'var(--text-2)' },
    '.fountain-dialogue': { paddingLeft: '11ch', paddingRight: '11ch' },
    '.fountain-transition': { color: 'var(--text-2)', textAlign: 'right' },
    '.fountain-centred': { textAlign: 'center' }
  },
  { dark: true }
);
