// The source files of native handlers: an interpreter loads them once, so that a changed one counts when the process starts
// again. Watched are the working directory and what was named outside of it, folder by folder, without what others put there
// (environments, gems, caches).
import { existsSync, readdirSync, statSync, watch, type FSWatcher } from 'node:fs';
import { delimiter, dirname, extname, join, relative, resolve, sep } from 'node:path';
import type { NativeLanguage } from '../bindings/native/load.ts';

/** Editors write a file in several strokes. */
const SETTLING_MS = 100;
const EXTENSIONS: Readonly<Record<NativeLanguage, string>> = { python: '.py', ruby: '.rb' };
const FOREIGN = new Set(['node_modules', '__pycache__', 'site-packages', 'vendor', 'tmp', 'log']);

export type NativeModules = readonly (readonly [language: NativeLanguage, modules: readonly string[]])[];

/** Calls back with a file that was changed, made or removed, at most once in a while. Answers with the way out. */
export function watchSources(
  modules: NativeModules,
  onChange: (file: string) => void,
  directory = process.cwd(),
): () => void {
  const extensions = new Set(modules.map(([language]) => EXTENSIONS[language]));
  const sources = new SourceWatch(extensions, (file) => onChange(relative(directory, file)));
  for (const root of rootsOf(modules, directory)) sources.add(root);
  return () => sources.close();
}

class SourceWatch {
  readonly #extensions: ReadonlySet<string>;
  readonly #onChange: (file: string) => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: NodeJS.Timeout | undefined;

  constructor(extensions: ReadonlySet<string>, onChange: (file: string) => void) {
    this.#extensions = extensions;
    this.#onChange = onChange;
  }

  /** The folder and those in it. Answers with a source file that it has, if any. */
  add(folder: string): string | undefined {
    if (this.#watchers.has(folder) || existsSync(join(folder, 'pyvenv.cfg'))) return undefined;
    try {
      const watcher = watch(folder, (_event, name) => this.#hear(folder, name ?? ''));
      watcher.on('error', () => this.#forget(folder));
      this.#watchers.set(folder, watcher);
      return this.#addWithin(folder);
    } catch {
      return undefined; // it was removed meanwhile, or is not ours to read
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const folder of this.#watchers.keys()) this.#forget(folder);
  }

  #addWithin(folder: string): string | undefined {
    let found: string | undefined;
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !isForeign(entry.name)) found = this.add(path) ?? found;
      else if (entry.isFile() && this.#isSource(entry.name)) found ??= path;
    }
    return found;
  }

  #hear(folder: string, name: string): void {
    const path = join(folder, name);
    if (this.#isSource(name)) return this.#changed(path);
    if (isForeign(name) || !statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    const file = this.add(path); // with what was written into it before we looked
    if (file !== undefined) this.#changed(file);
  }

  #changed(file: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#onChange(file), SETTLING_MS);
  }

  #isSource(name: string): boolean {
    return this.#extensions.has(extname(name)) && !name.startsWith('.');
  }

  #forget(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }
}

function isForeign(name: string): boolean {
  return name.startsWith('.') || FOREIGN.has(name);
}

function rootsOf(modules: NativeModules, here: string): string[] {
  const named = modules.flatMap(([language, names]) =>
    names.flatMap((name) => (language === 'python' ? ofPython(name, here) : ofRuby(name, here))),
  );
  return [here, ...named.filter((folder) => folder !== here && !folder.startsWith(here + sep))];
}

/** The package of a module that PYTHONPATH leads to, or the folder of one without a package. */
function ofPython(module: string, here: string): string[] {
  const [top = ''] = module.split('.');
  const places = (process.env['PYTHONPATH'] ?? '').split(delimiter).filter((place) => place !== '');
  return places
    .map((place) => resolve(here, place))
    .flatMap((place) => {
      if (existsSync(join(place, top, '__init__.py'))) return [join(place, top)];
      return existsSync(join(place, `${top}.py`)) ? [place] : [];
    });
}

/** Nothing for a library, which is found as gems are. */
function ofRuby(file: string, here: string): string[] {
  const path = [file, `${file}.rb`].map((name) => resolve(here, name)).find((name) => existsSync(name));
  if (path === undefined) return [];
  return [statSync(path).isDirectory() ? path : dirname(path)];
}
