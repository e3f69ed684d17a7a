// What somebody types into a field before it counts, and about what it was typed.

/**
 * Holds the text until it is taken. `subject` names the thing the field belongs to, e.g. the selected node: when the
 * field is given to another thing before the text was taken, it is still written to the one it was meant for.
 */
export class Draft {
  #text = $state<string | null>(null);
  #subject = '';

  get text(): string | null {
    return this.#text;
  }

  type(text: string, subject: string): void {
    if (this.#text === null) this.#subject = subject;
    this.#text = text;
  }

  /** Ends typing and gives what was typed; null when nothing was. */
  take(): { text: string; subject: string } | null {
    const text = this.#text;
    this.#text = null;
    return text === null ? null : { text, subject: this.#subject };
  }

  /** Whether what was typed belongs to something else by now. */
  isStrandedFrom(subject: string): boolean {
    return this.#text !== null && this.#subject !== subject;
  }
}
