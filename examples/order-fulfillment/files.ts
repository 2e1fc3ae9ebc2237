// The shop's files: out/<run>/invoices and out/<run>/outbox. A file appears whole or not at all, and only once: a handler
// that runs a second time, also at the same moment, finds it there.
import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Folder = 'invoices' | 'outbox';

export class Files {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Writes the file unless it exists. Returns its path. */
  async writeOnce(run: string, folder: Folder, name: string, text: string): Promise<string> {
    const directory = join(this.root, run, folder);
    const path = join(directory, name);
    const draft = join(directory, `.${randomUUID()}`);
    await mkdir(directory, { recursive: true });
    await writeFile(draft, text);
    try {
      await link(draft, path); // unlike rename, this fails when the name is taken
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    } finally {
      await rm(draft, { force: true });
    }
    return path;
  }

  /** The texts of all files in a folder. */
  async readAll(run: string, folder: Folder): Promise<string[]> {
    const directory = join(this.root, run, folder);
    const names = await readdir(directory).catch(() => []);
    return Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  }
}
