// Puts ours in the place of a view or function of a Rails app, and what was there back: each in one transaction, so that what is kept is
// always what was replaced. `create or replace` leaves dependants, the owner, grants and comments as they are.
import { TreadleError } from '../../core/errors.ts';
import type { Database, Executor } from '../database.ts';
import { withBriefLock, type Patience } from './brief-locks.ts';
import {
  isOurs,
  publicDefinitions,
  type Definition,
  type JudgedObject,
  type OurObject,
  type ReplacedDefinition,
} from './definitions.ts';

/** `waited`: it was interrupted while others were in the way. `changed`: it is not as it was any more, and was left alone. */
export type Outcome = 'done' | 'changed' | 'waited';

/** As migrate does: two that change functions do it one after the other, and what a file means does not depend on who runs it. */
const PREPARE = `
  select pg_advisory_xact_lock(hashtextextended('treadle.migrate', 0));
  set local search_path = pg_catalog, pg_temp;
  set local check_function_bodies = off`;

export async function replaceObject(
  database: Database,
  object: JudgedObject & { readonly verdict: 'replace' },
  patience: Patience,
): Promise<Outcome> {
  const answer = await withBriefLock(database, object.object_name, patience, async (tx, begin) => {
    await tx.query(PREPARE);
    if (!isSame(await present(tx, object), object.found)) return 'changed';
    await begin();
    const ours = await installOurs(tx, object);
    await tx.query(KEEP, [object.found, ours.definition, object.source_hash]);
    return 'done';
  });
  return answer?.result ?? 'waited';
}

/** Runs our file; what Postgres prints of it comes back. */
export async function installOurs(tx: Executor, { file, object_name }: OurObject): Promise<Definition> {
  await tx.query(file.text);
  const ours = await present(tx, { object_name });
  if (ours === undefined) throw new Error(`expected ${object_name} after sql/${file.path}, found none`);
  return ours;
}

/** What was there, word for word; made again with its owner, grants and comment where somebody has dropped it. */
export async function restoreObject(
  database: Database,
  kept: ReplacedDefinition,
  patience: Patience,
): Promise<Outcome> {
  const answer = await withBriefLock(database, kept.object_name, patience, async (tx, begin) => {
    await tx.query(PREPARE);
    const found = await present(tx, kept);
    await begin();
    if (found === undefined) await makeAgain(tx, kept);
    else if (isOurs(found, kept)) await tx.query(kept.definition);
    else if (!isSame(found, kept)) return 'changed';
    await expectRestored(tx, kept);
    await tx.query('delete from treadle.replaced_definitions where object_name = $1', [kept.object_name]);
    return 'done';
  });
  return answer?.result ?? 'waited';
}

async function makeAgain(tx: Executor, kept: ReplacedDefinition): Promise<void> {
  await tx.query(kept.definition);
  const statements = await tx.query<{ statement: string }>(BELONGINGS, [
    kept.kind === 'view' ? 'table' : 'function',
    kept.kind,
    kept.signature,
    kept.owner,
    kept.grants,
    kept.comment,
  ]);
  for (const { statement } of statements) await tx.query(statement);
}

async function expectRestored(tx: Executor, kept: ReplacedDefinition): Promise<void> {
  if (!kept.is_comparable || isSame(await present(tx, kept), kept)) return;
  throw new TreadleError(
    'database_error',
    `${kept.object_name}: expected Postgres to print what was kept, and it prints something else: nothing was changed; ` +
      'its definition is in treadle.replaced_definitions',
  );
}

async function present(
  tx: Executor,
  { object_name }: Pick<Definition, 'object_name'>,
): Promise<Definition | undefined> {
  const [one] = await publicDefinitions(tx, [object_name]);
  return one;
}

const isSame = (
  found: Definition | undefined,
  { signature, definition }: Pick<Definition, 'signature' | 'definition'>,
): boolean => found?.signature === signature && found.definition === definition;

const KEEP = `
  insert into treadle.replaced_definitions
    (object_name, kind, signature, definition, owner, grants, comment, ours, source_hash)
  select f.object_name, f.kind, f.signature, f.definition, f.owner, f.grants, f.comment, $2, $3
  from jsonb_to_record($1::jsonb) f (
    object_name text, kind text, signature text, definition text, owner text, grants text, comment text
  )
  on conflict (object_name) do update
  set kind = excluded.kind, signature = excluded.signature, definition = excluded.definition, owner = excluded.owner,
    grants = excluded.grants, comment = excluded.comment, ours = excluded.ours, source_hash = excluded.source_hash,
    server_version = excluded.server_version, replaced_at = excluded.replaced_at`;

/** Without grants kept, those that Postgres gives by itself are right. */
const BELONGINGS = `
  with object (privileges_of, kind, signature, owner, grants, comment) as (
    select $1::text, $2::text, $3::text, $4::text, $5::aclitem[], $6::text
  ),
  given as (
    select o.*, g.privilege_type, g.is_grantable,
      case g.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end as grantee
    from object o
    cross join aclexplode(o.grants) g
  )
  select s.statement
  from (
    select 1, format('comment on %s %s is %L', kind, signature, comment) from object where comment is not null
    union all
    select 2, format('alter %s %s owner to %I', kind, signature, owner) from object where owner <> current_user
    union all
    select 3, format('revoke all on %s %s from public, %I', privileges_of, signature, owner) from object where grants is not null
    union all
    select 4, format('grant %s on %s %s to %s%s', privilege_type, privileges_of, signature, grantee,
      case when is_grantable then ' with grant option' else '' end)
    from given
  ) s (place, statement)
  order by s.place`;
