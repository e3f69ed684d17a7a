// What happened in this session besides jobs: connection lost and regained, versions saved.

import { nowIso } from '$lib/ui/format';

export interface Notice {
  id: number;
  at: string;
  tone: 'neutral' | 'done' | 'failed';
  title: string;
  detail: string;
  traceId: string;
  /** A newer notice on the same topic takes the place of the older one. */
  topic: string;
  /** What can be done about it. */
  action?: { label: string; run: () => void };
}

const KEPT = 30;

export class Notices {
  #list = $state.raw<Notice[]>([]);
  #next = 1;

  /** Newest first. */
  get list(): readonly Notice[] {
    return this.#list;
  }

  add(notice: Partial<Omit<Notice, 'id' | 'at'>> & { title: string }): void {
    const entry: Notice = {
      tone: 'neutral',
      detail: '',
      traceId: '',
      topic: '',
      ...notice,
      id: this.#next++,
      at: nowIso()
    };
    const others = this.#list.filter(({ topic }) => !topic || topic !== entry.topic);
    this.#list = [entry, ...others].slice(0, KEPT);
  }

  clear(): void {
    this.#list = [];
  }
}
