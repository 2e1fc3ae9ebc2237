// The one type of all times in the Rails schema.
import { timestamp } from 'drizzle-orm/pg-core';

/** `timestamp without time zone` that holds UTC: Drizzle turns a Date into UTC text, whatever the process's zone is. */
export const utcTimestamp = (precision?: 6) => timestamp({ mode: 'date', ...(precision && { precision }) });
