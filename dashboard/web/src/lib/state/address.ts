import { goto } from "$app/navigation";
import { page } from "$app/state";

/** Changes what the address asks for and leaves the rest; null or "" takes a name away. A link then shows the same. */
export const askFor = (change: Readonly<Record<string, string | null>>, replace = false): Promise<void> => {
  const next = new URLSearchParams(page.url.search);
  for (const [name, value] of Object.entries(change))
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  return goto(`?${next}`, { reset: false, replace });
};

/** What the address asks for, if it is one of the choices. */
export const askedOf = <Choice extends string>(name: string, choices: readonly Choice[], usual: Choice): Choice => {
  const asked = page.url.searchParams.get(name);
  return choices.find((choice) => choice === asked) ?? usual;
};
