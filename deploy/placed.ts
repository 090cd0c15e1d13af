/** A place in a file that is not as it must be, as one sentence. */
export const placed = (at: {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}): string => `${at.file}:${at.line}:${at.column}: ${at.message}`;
