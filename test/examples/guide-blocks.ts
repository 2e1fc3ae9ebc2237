// The code blocks of a guide, put together as the files that they are parts of: the first line of each names its file.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

const BLOCK = /^```(\w+)\n(?:(?:\/\/|#) ([\w.]+\.\w+)\n)?([^]*?)^```$/gm;

const IMPORT = /from '(treadle(?:\/\w+)?)'/g;
/** As `exports` in package.json, before the build. */
const DOORS: Readonly<Record<string, string>> = {
  treadle: 'index.ts',
  'treadle/grpc': 'bindings/grpc/server.ts',
  'treadle/testing': 'testing.ts',
};

export interface Guide {
  /** Inside of the project, so that its packages are found. */
  readonly folder: string;
  readonly files: readonly string[];
  /** Blocks that name no file, by language. */
  readonly commands: readonly { readonly language: string; readonly text: string }[];
}

/** Writes the files of a guide into `.treadle/test/<name>`, anew. */
export function writeGuide(guide: string, name: string): Guide {
  const folder = resolve('.treadle', 'test', name);
  const texts = new Map<string, string>();
  const commands: { language: string; text: string }[] = [];
  for (const [, language = '', file, text = ''] of readFileSync(guide, 'utf8').matchAll(BLOCK)) {
    if (file === undefined) commands.push({ language, text });
    else texts.set(file, (texts.get(file) ?? '') + text);
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of texts) {
    const fromHere = text.replaceAll(IMPORT, (_import, door: string) => `from '${pathOf(door, folder)}'`);
    writeFileSync(join(folder, file), fromHere);
  }
  return { folder, files: [...texts.keys()], commands };
}

function pathOf(door: string, folder: string): string {
  const file = DOORS[door];
  if (file === undefined) throw new Error(`the package has no door ${door}`);
  return relative(folder, resolve(file));
}
