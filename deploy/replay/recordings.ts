import { readFileSync } from "node:fs";
import { buildWeek, type DemoDevice } from "./week.ts";

const read = (name: string): string => readFileSync(new URL(`./recordings/${name}`, import.meta.url), "utf8");

/** The demonstration's week from the committed recordings. */
export const loadWeek = (): readonly DemoDevice[] =>
  buildWeek({
    h200BertOffline: read("h200-bert-99-offline.csv"),
    h200BertServer: read("h200-bert-99-server.csv"),
    h200Unet: read("h200-3d-unet-99-offline.csv"),
    emhass: read("emhass-week.csv"),
    citylearn: read("citylearn-week.csv"),
    eia: read("eia-ca-week.csv"),
  });
