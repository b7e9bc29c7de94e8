// What OHIF's own reader of structured reports (@cornerstonejs/adapters) makes of a report: its measurements, as JSON.
// Arguments: the folder of node's modules, and the report.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, file] = process.argv.slice(2);
const at = (path) => import(pathToFileURL(`${modules}/${path}`).href);
const dcmjs = (await at("dcmjs/build/dcmjs.es.js")).default;
const tools = "@cornerstonejs/adapters/dist/esm/adapters/Cornerstone3D";
const reports = (await at(`${tools}/MeasurementReport.js`)).default;
for (const tool of ["Bidirectional", "Length", "ArrowAnnotate", "Probe"]) await at(`${tools}/${tool}.js`); // each registers itself

console.log = () => {}; // it tells its steps
const bytes = readFileSync(file);
const read = dcmjs.data.DicomMessage.readFile(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const report = dcmjs.data.DicomMetaDictionary.naturalizeDataset(read.dict);
const images = new Proxy({}, { get: (_, uid) => uid }); // each slice is loaded, and called by its UID
const pixels = (_, [column, row]) => [column, row, 0];
const found = reports.generateToolState(report, images, pixels, { get: () => ({ frameOfReferenceUID: "1.2" }) });
const told = Object.entries(found).flatMap(([tool, all]) =>
  all.map((one) => ({
    tool,
    name: one.finding?.[0]?.CodeMeaning ?? one.finding?.CodeMeaning,
    uid: one.TrackingUniqueIdentifier,
    points: one.annotation.data.handles.points,
    stats: Object.values(one.annotation.data.cachedStats)[0],
  })),
);
process.stdout.write(JSON.stringify(told));
