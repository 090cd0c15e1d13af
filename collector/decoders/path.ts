import { isObject, own } from "./payload.ts";

/** Where in a payload: `a.b.0`, a JSON pointer `/a/b/0` for keys with dots, or `.` for the whole. */
export type Path = readonly string[];

export const parsePath = (text: string): Path => {
  if (text === "." || text === "") return [];
  if (!text.startsWith("/")) return text.split(".");
  const keys = text.slice(1).split("/");
  return keys.map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~")); // RFC 6901 §4
};

export const lookUp = (value: unknown, path: Path): unknown => {
  let here = value;
  for (const key of path) {
    if (Array.isArray(here)) here = /^\d{1,6}$/.test(key) ? here[Number(key)] : undefined;
    else here = isObject(here) ? own(here, key) : undefined;
  }
  return here;
};

/** Text with places to fill: `{host}` is a level of the topic, `{tags.name}` a path in the item. */
export interface Template {
  readonly text: string;
  readonly parts: readonly (string | { readonly name: string; readonly path: Path })[];
}

export const parseTemplate = (text: string): Template => {
  const parts: (string | { name: string; path: Path })[] = [];
  for (const piece of text.split(/(\{[^{}]*\})/)) {
    if (piece.startsWith("{") && piece.endsWith("}")) {
      const name = piece.slice(1, -1);
      parts.push({ name, path: parsePath(name) });
    } else if (piece !== "") parts.push(piece);
  }
  return { text, parts };
};

/** The filled text, or `undefined` when a place has nothing to fill it. */
export const fill = (template: Template, names: ReadonlyMap<string, string>, item: unknown): string | undefined => {
  let text = "";
  for (const part of template.parts) {
    const piece = typeof part === "string" ? part : (names.get(part.name) ?? lookUp(item, part.path));
    if ((typeof piece !== "string" && typeof piece !== "number") || piece === "") return undefined;
    text += piece;
  }
  return text === "" ? undefined : text;
};
