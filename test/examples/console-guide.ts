// A guide that is typed from its first line to its last: its files are written, its commands run in one folder, and what they print is held
// against what the page shows. Numbers that differ from run to run are not compared.
import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

/** One code block. */
export interface Block {
  readonly language: string;
  /** What stands behind the language: the name of a terminal of its own. */
  readonly terminal: string;
  readonly text: string;
}

/** What stands under one heading. */
export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

/** A line that is typed, and what is shown below it. */
export interface Typed {
  readonly command: string;
  readonly shown: string;
}

const PART = /^## (?<title>.*)$|^(?<indent> *)```(?<language>\w+) ?(?<terminal>\w*)\n(?<text>[^]*?)^ *```$/gm;

/** Sections without blocks are left out. */
export function sectionsOf(guide: string): readonly Section[] {
  const sections: { title: string; blocks: Block[] }[] = [{ title: 'before', blocks: [] }];
  for (const { groups = {} } of readFileSync(guide, 'utf8').matchAll(PART)) {
    const { title, indent = '', language = '', terminal = '', text = '' } = groups;
    if (title !== undefined) sections.push({ title, blocks: [] });
    else
      sections
        .at(-1)
        ?.blocks.push({ language, terminal, text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), '') });
  }
  return sections.filter(({ blocks }) => blocks.length > 0);
}

/** The commands of a block of a console: they begin with `$ `, and go on after a backslash. */
export function typedIn(text: string): readonly Typed[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [, command = '', shown = ''] = /^((?:.*\\\n)*.*\n)([^]*)$/.exec(part) ?? [];
      return { command: command.trim(), shown };
    });
}

/** In this order. */
const LOOSE: readonly (readonly [RegExp, string])[] = [
  [/^adopted: looked at .*\n/gm, ''], // progress, which is drawn over itself
  [/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC)?/g, '<instant>'],
  [/\b\d\d:\d\d:\d\d(\.\d+)?\b/g, '<time>'],
  [/\b\d+\.\d+s\b/g, '<duration>'],
  [/"check_duration":[\d.e-]+/g, '"check_duration":<some>'],
  [/\b\d+(\.\d+)? (ms|s|min|h|d|seconds?)\b( \d+ (ms|s|min|h)\b)*/g, '<duration>'],
  [/\b\d+(?= (migrations?|applied)\b)/g, '<some>'],
  [/(127\.0\.0\.1|localhost):\d+/g, '<address>'],
  [/postgres(ql)?:\/\/\S+/g, '<url>'],
  [/[\w.-]+:\d{3,}\b|#\d+/g, '<process>'],
  [/─+/g, '─'],
  [/ {2,}/g, ' '],
  [/ +$/gm, ''],
];

/** Without what differs from run to run, and from machine to machine. */
export function alike(text: string): string {
  const plain = stripVTControlCharacters(text);
  return LOOSE.reduce((left, [pattern, replacement]) => left.replaceAll(pattern, replacement), plain).trim();
}

/** Lines of the page that are `...` stand for whatever came there. */
export function matches(shown: string, came: string): boolean {
  const parts = alike(shown)
    .split(/^\.\.\.$/m)
    .map((part) => part.trim());
  const pattern = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)).join('[^]*');
  return new RegExp(`^${pattern}$`).test(alike(came));
}
