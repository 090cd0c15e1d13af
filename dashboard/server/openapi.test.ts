import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startStand } from "./fake.ts";

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}
interface Operation {
  readonly summary?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema?: object }[];
  readonly responses: Readonly<Record<string, unknown>>;
}

const document = async (): Promise<Document> => {
  await using stand = await startStand();
  return (await (await fetch(`${stand.url}/api/openapi.json`)).json()) as Document;
};

/** The routes as the sources register them. */
const routes = async (): Promise<readonly string[]> => {
  const folder = import.meta.dirname;
  const files = (await readdir(folder, { recursive: true })).filter((name) => /(?<!\.test)\.ts$/.test(name));
  const sources = await Promise.all(files.map((name) => readFile(join(folder, name), "utf8")));
  return sources.flatMap((source) =>
    [...source.matchAll(/app\.(get|post|put|patch|delete)\(\s*"([^"]+)"/g)].map(
      ([, method, path = ""]) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`,
    ),
  );
};

test("the document is OpenAPI 3.1 and lists every route but itself and the pages", async () => {
  const { openapi, paths } = await document();
  expect(openapi).toMatch(/^3\.1\./);
  const listed = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method} ${path}`),
  );
  const hidden = ["get /", "get /api/openapi.json"];
  const expected = (await routes()).filter((route) => !hidden.includes(route));
  expect(expected.length).toBeGreaterThan(15);
  expect(listed.toSorted()).toEqual(expected.toSorted());
});

test("every operation says what it is for and what it answers", async () => {
  const { paths } = await document();
  for (const [path, operations] of Object.entries(paths))
    for (const operation of Object.values(operations)) {
      expect(operation.summary, path).toBeTruthy();
      expect(Object.keys(operation.responses), path).toContain("200");
    }
});

test("parameters carry their kind", async () => {
  const { paths } = await document();
  const parameters = paths["/api/v1/readings"]?.get?.parameters ?? [];
  expect(parameters.map(({ name }) => name).toSorted()).toEqual(["cursor", "device", "from", "limit", "site", "to"]);
  expect(parameters.find(({ name }) => name === "limit")).toMatchObject({ schema: { type: "integer", default: 1000 } });
});
