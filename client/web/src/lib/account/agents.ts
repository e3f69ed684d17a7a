// What people call a browser, from how it calls itself.
import type { Session } from './rest';

// The first that fits: most browsers also claim to be their rivals.
const BROWSERS: readonly [RegExp, string][] = [
  [/\bEdg(A|iOS)?\//, 'Edge'],
  [/\b(OPR|Opera)\//, 'Opera'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\bHeadlessChrome\//, 'Chrome without a window'],
  [/\b(Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari']
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/\biPad\b/, 'iPad'],
  [/\biPhone\b/, 'iPhone'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'Mac'],
  [/\bCrOS\b/, 'Chromebook'],
  [/\bLinux\b/, 'Linux']
];

/** "Firefox on Linux", "Safari on iPad", "curl"; what is unknown keeps its own first word. */
export function agentName({ name, kind }: Pick<Session, 'name' | 'kind'>): string {
  const find = (table: typeof BROWSERS) => table.find(([pattern]) => pattern.test(name))?.[1];
  const browser = find(BROWSERS);
  if (!browser) return name.split(/[\s/]/)[0] || (kind === 'refresh' ? 'A program' : 'A browser');
  const system = find(SYSTEMS);
  return system ? `${browser} on ${system}` : browser;
}
