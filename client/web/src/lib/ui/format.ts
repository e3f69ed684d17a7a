// Numbers as people in a studio read them: money, time, timecode, sizes.

/** "$0.05", "$12.40", "$1,250". Fractions of a cent keep their digits, because farms charge them. */
export function money(usd: number): string {
  if (!Number.isFinite(usd)) return '–';
  const size = Math.abs(usd);
  if (size !== 0 && size < 0.01) return `${usd < 0 ? '-' : ''}$${trimZeros(size.toFixed(4))}`;
  const digits = Number.isInteger(usd) && size >= 100 ? 0 : 2;
  return `${usd < 0 ? '-' : ''}$${size.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

/** How long something took or will take: "0.8 s", "12 s", "3 min 05 s", "1 h 20 min". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  if (seconds < 9.95) return `${trimZeros(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}

/** Running time of a film: "1:00", "12:30", "1:35:00". */
export function runtime(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${pad(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(whole % 60)}`;
}

/** "90", "1:30" or "1:02:00" to seconds; null when it is none of these. */
export function parseRuntime(text: string): number | null {
  const parts = text.trim().split(':');
  if (parts.length > 3 || parts.some((part) => !/^\d+(\.\d+)?$/.test(part))) return null;
  return parts.reduce((total, part) => total * 60 + Number(part), 0);
}

/** Non-drop timecode of a frame number at a whole rate: "00:00:04:12". */
export function timecode(frame: number, fps: number): string {
  const rate = Math.max(1, Math.round(fps));
  const seconds = Math.floor(frame / rate);
  return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60, frame % rate]
    .map(pad)
    .join(':');
}

/** "812 B", "48 KB", "1.4 MB" in decimal units, as file managers show them. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  const units = ['KB', 'MB', 'GB', 'TB'];
  let value = count / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 ? trimZeros(value.toFixed(1)) : Math.round(value)} ${units[unit]}`;
}

/** "just now", "4 min ago", "3 h ago", "yesterday", then the date. */
export function ago(iso: string, now: Date = new Date()): string {
  const then = new Date(iso);
  if (Number.isNaN(then.getTime())) return '';
  const seconds = (now.getTime() - then.getTime()) / 1000;
  if (seconds < 45) return 'just now';
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 22 * 3600) return `${Math.round(seconds / 3600)} h ago`;
  const days = Math.round(seconds / 86_400);
  if (days <= 1) return 'yesterday';
  if (days < 7) return `${days} days ago`;
  return dayOf(then, now);
}

/** "in 40 min", "in 5 h", "in 6 days", then the date; "over" when it has passed. */
export function ahead(iso: string, now: Date = new Date()): string {
  const then = new Date(iso);
  const seconds = (then.getTime() - now.getTime()) / 1000;
  if (Number.isNaN(seconds)) return '';
  if (seconds <= 0) return 'over';
  if (seconds < 3600) return `in ${Math.ceil(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `in ${Math.round(seconds / 3600)} h`;
  const days = Math.round(seconds / 86_400);
  return days <= 90 ? `in ${days} days` : `on ${dayOf(then, now)}`;
}

/** This moment, as documents and servers write it. */
export function nowIso(): string {
  return new Date().toISOString();
}

/** Date and time in full, for a tooltip. */
export function moment(iso: string): string {
  const then = new Date(iso);
  return Number.isNaN(then.getTime())
    ? ''
    : then.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
}

/** Time of day: "19:35". */
export function clock(iso: string): string {
  const then = new Date(iso);
  return Number.isNaN(then.getTime())
    ? ''
    : then.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}

/** "1 shot", "3 shots". */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en-US')} ${number === 1 ? one : many}`;
}

/** "4 Mar", with the year where it is not this one. */
function dayOf(then: Date, now: Date): string {
  return then.toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    ...(then.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' })
  });
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
