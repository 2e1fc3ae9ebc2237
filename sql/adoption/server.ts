// Whether the server and the role that connects are fit for adoption.

export interface Finding {
  readonly name: string;
  /** Adoption is refused until it is mended. */
  readonly must_mend: boolean;
  readonly total: number;
  /** Ids of the first ones. */
  readonly examples: readonly number[];
  readonly message: string;
  readonly advice: string;
}

export interface ServerForAdoption {
  readonly is_standby: boolean;
  readonly version: string;
  readonly version_number: number;
  readonly role: string;
  readonly may_create_schema: boolean;
  readonly missing_privileges: readonly string[];
  readonly holders: readonly Holder[];
}

/** A transaction of somebody else that keeps triggers from being made. */
export interface Holder {
  readonly pid: number;
  readonly application_name: string;
  readonly seconds: number;
}

const OLDEST = 140_000;

export function judgeServer(server: ServerForAdoption): Finding[] {
  return [version, standby, privileges, holders].flatMap((judge) => {
    const found = judge(server);
    return found === undefined ? [] : [{ examples: [], ...found }];
  });
}

type Judged = Omit<Finding, 'examples'> | undefined;

function version({ version: text, version_number }: ServerForAdoption): Judged {
  if (version_number >= OLDEST) return undefined;
  const message = `Postgres ${text} is too old`;
  return { name: 'version', must_mend: true, total: 1, message, advice: 'Use Postgres 14 or newer.' };
}

function standby({ is_standby }: ServerForAdoption): Judged {
  if (!is_standby) return undefined;
  const message = 'this is a standby: good for looking, but it takes no writes';
  return { name: 'standby', must_mend: false, total: 1, message, advice: 'Adopt on the primary.' };
}

function privileges({ role, may_create_schema, missing_privileges }: ServerForAdoption): Judged {
  const missing = [...(may_create_schema ? [] : ['CREATE on the database']), ...missing_privileges];
  if (missing.length === 0) return undefined;
  const message = `the role ${role} lacks ${missing.join(', ')}`;
  const advice = 'Grant them, or connect as the owner of the tables.';
  return { name: 'privileges', must_mend: true, total: missing.length, message, advice };
}

function holders({ holders: found }: ServerForAdoption): Judged {
  const [longest] = found;
  if (longest === undefined) return undefined;
  const message = `${found.length} open transactions hold locks on the transition tables, for ${Math.round(longest.seconds)} s the longest (${holderText(longest)})`;
  const advice = 'Adoption waits for a moment without them, and makes nobody wait meanwhile; let them end.';
  return { name: 'open_transactions', must_mend: false, total: found.length, message, advice };
}

export function holderText({ pid, application_name, seconds }: Holder): string {
  return `process ${pid}, "${application_name}", has a transaction open for ${Math.round(seconds)} s`;
}
