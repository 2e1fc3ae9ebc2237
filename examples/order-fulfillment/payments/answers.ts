// The provider's answers as HTTP, and what it answers in a bad mood.
import type { ServerResponse } from 'node:http';
import type { Mood } from './moods.ts';

export interface Answer {
  readonly status: number;
  readonly body: object | string;
  readonly headers?: Record<string, string>;
}

/** What it says without doing anything; undefined: it does what was asked. */
export function refusalIn(mood: Mood): Answer | undefined {
  switch (mood) {
    case 'declined':
      return { status: 402, body: 'insufficient funds' };
    case 'busy':
      return { status: 429, body: 'slow down', headers: { 'retry-after': '1' } };
    case 'busy_until': {
      // a date has no fractions: rounded up it lies one to two seconds ahead
      const date = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1000);
      return { status: 429, body: 'slow down', headers: { 'retry-after': date.toUTCString() } };
    }
    case 'broken':
      return { status: 500, body: 'something went wrong' };
    case 'fine':
    case 'slow':
    case 'hung_up':
      return undefined;
  }
}

export function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  const json = typeof body !== 'string';
  response.writeHead(status, { 'content-type': json ? 'application/json' : 'text/plain', ...headers });
  response.end(json ? JSON.stringify(body) : body);
}
