// Makes sure that node_modules is what package-lock.json says, before anything that needs it. Plain Node, no
// dependencies; silent and quick when there is nothing to do, and without network then.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = [20, 19];
const root = fileURLToPath(new URL('..', import.meta.url));
const lockFile = `${root}package-lock.json`;
const installedFile = `${root}node_modules/.package-lock.json`;
const stampFile = `${root}node_modules/.treadle-install`;

/** @param {string} message */
function fail(message) {
  console.error(`treadle: ${message}`);
  process.exit(1);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  fail(`Node ${OLDEST_NODE.join('.')} or newer is needed, and this is ${process.versions.node}`);
}

/** What an up-to-date node_modules is stamped with: it holds binaries, so the platform counts too. */
function expectedStamp() {
  const hash = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
  return `${hash} ${process.platform} ${process.arch}`;
}

function readStamp() {
  return existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : undefined;
}

/** Whether somebody ran `npm ci` or `npm install` by hand: npm leaves a list of what it put there. */
function isInstalledByHand() {
  if (!existsSync(installedFile) || readStamp()?.endsWith(` ${process.platform} ${process.arch}`) === false)
    return false;
  const wanted = JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  return Object.keys(wanted).every((path) => {
    if (path === '') return true;
    const there = installed[path];
    // packages for other platforms stay away
    return there ? there.version === wanted[path].version : wanted[path].optional === true;
  });
}

/**
 * @param {string[]} args
 * @param {import('node:child_process').StdioOptions} stdio
 */
function npm(args, stdio) {
  const program = process.env.npm_execpath;
  const options = { cwd: root, stdio, encoding: /** @type {const} */ ('utf8') };
  const all = [...args, '--no-audit', '--no-fund'];
  // npm is a script that Windows runs through a shell only; under "npm run" we know where it is
  const result = program?.endsWith('.js')
    ? spawnSync(process.execPath, [program, ...all], options)
    : spawnSync('npm', all, { ...options, shell: process.platform === 'win32' });
  if (result.error) fail(`npm could not be run: ${result.error.message}`);
  return result;
}

/**
 * `npm ci` also refuses a lock file that lacks a package of some other platform, which it does when it was written where
 * the registry had not all of them. `npm install` takes the same versions and minds only the packages of this platform.
 */
function install() {
  console.log('treadle: installing the packages of package-lock.json (npm ci) ...');
  let { status, stderr } = npm(['ci'], ['inherit', 'inherit', 'pipe']);
  if (status !== 0 && stderr.includes('EUSAGE')) {
    console.log('treadle: package-lock.json is not complete for npm ci, so npm install goes by it ...');
    ({ status, stderr } = npm(['install', '--no-save'], ['inherit', 'inherit', 'pipe']));
  }
  process.stderr.write(stderr);
  if (status !== 0)
    fail('the packages could not be installed (above); the first time this needs the network');
}

checkNode();
const stamp = expectedStamp();
if (readStamp() !== stamp) {
  if (!isInstalledByHand()) install();
  writeFileSync(stampFile, stamp);
}
