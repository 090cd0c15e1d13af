/**
 * Rows under the pointer keep their place: shown rows take new contents, rows that are gone stay until the pointer
 * leaves, new ones wait and are counted.
 */
export const holdOrder = <Row extends { readonly id: string }>(
  shown: readonly Row[],
  incoming: readonly Row[],
): { rows: readonly Row[]; waiting: number } => {
  const byId = new Map(incoming.map((row) => [row.id, row]));
  const ids = new Set(shown.map(({ id }) => id));
  return {
    rows: shown.map((row) => byId.get(row.id) ?? row),
    waiting: incoming.filter(({ id }) => !ids.has(id)).length,
  };
};
