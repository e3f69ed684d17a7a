import { expect, it } from 'vitest';
import { agentName } from './agents';

const browser = (name: string) => agentName({ name, kind: 'session' });

it('calls browsers what people call them', () => {
  expect(browser('Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0')).toBe(
    'Firefox on Linux'
  );
  expect(
    browser(
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0'
    )
  ).toBe('Edge on Windows');
  expect(
    browser('Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605 Version/17.5 Safari/604')
  ).toBe('Safari on iPad');
});

it('calls programs what they call themselves', () => {
  expect(agentName({ name: 'curl/8.9.1', kind: 'refresh' })).toBe('curl');
  expect(agentName({ name: '', kind: 'refresh' })).toBe('A program');
});
