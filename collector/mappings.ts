import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Mapping } from "./decoders/mapping.ts";
import { type MappingFault, parseMapping } from "./decoders/parse-mapping.ts";

export interface LoadedMappings {
  /** Yours first, then the shipped ones: the first that fits a topic reads it. */
  readonly mappings: readonly Mapping[];
  readonly faults: readonly MappingFault[];
}

const shipped = join(import.meta.dirname, "mappings");

/** All mappings of the folder (`COLLECTOR_MAPPINGS_DIR`, optional) and the shipped ones, with the faults of all files. */
export const loadMappings = async (folder: string | undefined): Promise<LoadedMappings> => {
  const mappings: Mapping[] = [];
  const faults: MappingFault[] = [];
  for (const place of folder === undefined ? [shipped] : [folder, shipped]) {
    const files = await namesIn(place);
    if (typeof files === "string") {
      faults.push({ file: place, line: 1, column: 1, message: files });
      continue;
    }
    for (const name of files) {
      const file = place === shipped ? `mappings/${name}` : join(place, name);
      const result = parseMapping(await readFile(join(place, name), "utf8"), file);
      if (result.ok) mappings.push(result.mapping);
      else faults.push(...result.faults);
    }
  }
  return { mappings, faults };
};

const namesIn = async (folder: string): Promise<readonly string[] | string> => {
  try {
    const names = await readdir(folder);
    return names.filter((name) => /\.ya?ml$/.test(name) && !/\.(good|bad)\.ya?ml$/.test(name)).sort();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown fault";
    return `COLLECTOR_MAPPINGS_DIR cannot be read: ${code}`;
  }
};
