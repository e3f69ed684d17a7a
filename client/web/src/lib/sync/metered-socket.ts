// A WebSocket that tells what passes through it, and holds back our changes until the server's document is known to be
// the one that we have a copy of.
import { readFrame, type ChangeFrame, type Frame } from './frames';

export type Meter = {
  opening(): void;
  heard(): void;
  /** A change of ours has been given to the network. */
  sent(frame: ChangeFrame): void;
  answered(document: string, accepted: boolean): void;
  /** The server's document has arrived; false when it must not be merged with ours. */
  arrived(document: string, update: Uint8Array): boolean;
  /** It has been merged. */
  merged(document: string): void;
};

export function meteredSocket(meter: Meter): typeof WebSocket {
  return class MeteredSocket extends WebSocket {
    readonly #known = new Set<string>();
    #arrived: string | undefined;
    #held: { document: string; data: Uint8Array<ArrayBuffer> }[] = [];

    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      meter.opening();
      // Registered first, so that a document of another epoch never reaches the provider.
      this.addEventListener('message', (event: MessageEvent<unknown>) => {
        meter.heard();
        if (!this.#receive(readFrame(event.data))) event.stopImmediatePropagation();
      });
      // Registered after the provider's own listeners, so it runs when the document has been merged.
      queueMicrotask(() => this.addEventListener('message', () => this.#release()));
    }

    override send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>): void {
      const frame = readFrame(data);
      if (frame?.kind !== 'step2' && frame?.kind !== 'update') {
        super.send(data);
        return;
      }
      if (this.#known.has(frame.document)) this.#sendChange(data as Uint8Array<ArrayBuffer>);
      else this.#held.push({ document: frame.document, data: data as Uint8Array<ArrayBuffer> });
    }

    #receive(frame: Frame | undefined): boolean {
      if (frame?.kind === 'answer') meter.answered(frame.document, frame.accepted);
      if (frame?.kind !== 'step2') return true;
      if (!meter.arrived(frame.document, frame.payload)) return false;
      this.#arrived = frame.document;
      return true;
    }

    #release(): void {
      const document = this.#arrived;
      if (document === undefined) return;
      this.#arrived = undefined;
      this.#known.add(document);
      meter.merged(document);
      const held = this.#held.filter((item) => item.document === document);
      this.#held = this.#held.filter((item) => item.document !== document);
      for (const { data } of held) if (this.readyState === WebSocket.OPEN) this.#sendChange(data);
    }

    #sendChange(data: Uint8Array<ArrayBuffer>): void {
      super.send(data);
      const frame = readFrame(data);
      if (frame?.kind === 'step2' || frame?.kind === 'update') meter.sent(frame);
    }
  };
}
