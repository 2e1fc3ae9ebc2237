// JSON as a type: what may cross the border to Postgres, the wire and files.

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
