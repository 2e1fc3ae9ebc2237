// Templates as text: YAML, or JSON, which is read as the YAML it also is. Problems carry `file:line:column`.
// Aliases and merge keys (`<<`) work; duplicate keys, tags of one's own and more than one document do not.
import type { Document, Node, YAMLError } from 'yaml';
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import { TreadleError } from '../errors.ts';
import type { Locate, Path, Position } from './problems.ts';
import type { TaskTemplate } from './template.ts';
import { parseTemplate } from './template.ts';

/**
 * Reads one template. `source` is the file's name as messages shall show it. Throws TreadleError `invalid_template`:
 * for bad syntax one line per error, else as `parseTemplate`, both with line and column.
 */
export function readTemplate(text: string, source: string): TaskTemplate {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    merge: true,
    prettyErrors: false,
    stringKeys: true,
    logLevel: 'error',
  });
  // A warning is a tag that nobody here knows: its value would be read as something else than was written.
  const errors = [...document.errors, ...document.warnings].map(toSyntaxError);
  if (errors.length === 0) errors.push(...unresolvedAliases(document));
  if (errors.length > 0) throw badSyntax(source, errors, lines);
  return parseTemplate(toValue(document, source), source, locator(document, lines));
}

interface SyntaxProblem {
  readonly offset: number;
  readonly message: string;
}

function toSyntaxError({ code, message, pos }: YAMLError): SyntaxProblem {
  const text = code === 'MULTIPLE_DOCS' ? 'Expected one template in a file, came several documents' : message;
  return { offset: pos[0], message: text.replaceAll('\n', ' ') };
}

function unresolvedAliases(document: Document.Parsed): SyntaxProblem[] {
  const found: SyntaxProblem[] = [];
  visit(document, {
    Alias(_key, alias) {
      if (alias.resolve(document)) return;
      found.push({ offset: alias.range?.[0] ?? 0, message: `No anchor &${alias.source} before this alias` });
    },
  });
  return found;
}

function badSyntax(source: string, errors: readonly SyntaxProblem[], lines: LineCounter): TreadleError {
  const problems = errors.map(({ offset, message }) => ({ ...position(lines, offset), message }));
  const text = problems
    .map(({ line, column, message }) => `${source}:${line}:${column}: ${message}`)
    .join('\n');
  return new TreadleError('invalid_template', text, { details: { source, problems } });
}

/** Resolving aliases can still fail: when they nest so that they would fill the memory. */
function toValue(document: Document.Parsed, source: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TreadleError('invalid_template', `${source}: ${reason}`, { details: { source }, cause });
  }
}

function position(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

/** Finds the key (or the list entry) that a path ends in; where it is missing, the closest that encloses it. */
function locator(document: Document.Parsed, lines: LineCounter): Locate {
  return (at) => {
    const offset = offsetOf(document, at);
    return offset === undefined ? undefined : position(lines, offset);
  };
}

function offsetOf(document: Document.Parsed, at: Path): number | undefined {
  let node: Node | null | undefined = document.contents;
  let offset = node?.range?.[0];
  for (const part of at) {
    if (isAlias(node)) node = node.resolve(document);
    const step = stepInto(node, part);
    if (!step) return offset;
    offset = step.offset ?? offset;
    node = step.node;
  }
  return offset;
}

interface Step {
  readonly node: Node | undefined;
  readonly offset: number | undefined;
}

function stepInto(node: Node | null | undefined, part: string | number): Step | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(part)];
    return isNode(item) ? { node: item, offset: item.range?.[0] } : undefined;
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
  if (!pair) return undefined;
  return {
    node: isNode(pair.value) ? pair.value : undefined,
    offset: isScalar(pair.key) ? pair.key.range?.[0] : undefined,
  };
}
