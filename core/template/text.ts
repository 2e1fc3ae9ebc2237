// Text as Postgres sees it: counted in code points, without NUL and halves of surrogate pairs.

/** jsonb and text refuse both: NUL has no place in a Postgres string, half a surrogate pair has no UTF-8. */
export function isStorableText(text: string): boolean {
  return !/\0|\p{Surrogate}/u.test(text);
}

/** The length as `varchar(n)` counts it. */
export function characterCount(text: string): number {
  return Array.from(text).length;
}

/** At most 40 characters, an ellipsis where some were cut. */
export function shortened(text: string): string {
  const characters = Array.from(text);
  return characters.length > 40 ? `${characters.slice(0, 39).join('')}…` : text;
}
