// Something fetched for a view: on its way, there, or failed; with a way to try again.
import { leaveIfSignedOut } from './session';

export class Loading<Value> {
  #value = $state.raw<Value | undefined>();
  #error = $state.raw<unknown>();
  #busy = $state(false);
  #load: () => Promise<Value>;

  constructor(load: () => Promise<Value>) {
    this.#load = load;
  }

  /** The last good value; stays while it is fetched again and when that fails. */
  get value(): Value | undefined {
    return this.#value;
  }

  get error(): unknown {
    return this.#error;
  }

  get busy(): boolean {
    return this.#busy;
  }

  refresh = async (): Promise<void> => {
    this.#busy = true;
    try {
      this.#value = await this.#load();
      this.#error = undefined;
    } catch (error) {
      if (!leaveIfSignedOut(error)) this.#error = error;
    } finally {
      this.#busy = false;
    }
  };
}
