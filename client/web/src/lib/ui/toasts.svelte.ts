// Short messages about things that happened elsewhere; what the eye already sees needs none.

export interface Toast {
  id: number;
  tone: 'neutral' | 'done' | 'failed';
  title: string;
  detail: string;
  picture: string;
  /** A newer toast on the same topic takes the place of the older one. */
  topic: string;
  action?: { label: string; run: () => void };
}

const LIFE_MS = 7000;

class Toasts {
  #list = $state.raw<Toast[]>([]);
  #next = 1;
  #timers = new Map<number, ReturnType<typeof setTimeout>>();

  get list(): readonly Toast[] {
    return this.#list;
  }

  show(toast: Partial<Omit<Toast, 'id'>> & { title: string }): number {
    const id = this.#next++;
    const others = this.#list.filter((other) => !toast.topic || other.topic !== toast.topic);
    this.#list = [...others.slice(-3), { tone: 'neutral', detail: '', picture: '', topic: '', ...toast, id }];
    this.resume(id);
    return id;
  }

  dismiss(id: number): void {
    this.hold(id);
    this.#list = this.#list.filter((toast) => toast.id !== id);
  }

  /** Keeps a toast on screen while somebody reads it. */
  hold(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  resume(id: number): void {
    this.hold(id);
    this.#timers.set(
      id,
      setTimeout(() => this.dismiss(id), LIFE_MS)
    );
  }
}

export const toasts = new Toasts();
