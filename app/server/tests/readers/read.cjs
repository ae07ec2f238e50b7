// Reads an export with its consumer's own code and prints what that makes of it, as JSON.
// node read.cjs log4brains FOLDER | node read.cjs backstage FILE
const [, , reader, place] = process.argv;

const readers = {
  async log4brains() {
    const { Log4brains } = require("@log4brains/core");
    const adrs = await Log4brains.create(place).searchAdrs();
    return adrs.map(({ slug, title, status, tags, deciders, supersededBy, publicationDate, file }) => ({
      slug, title, status, tags, deciders, supersededBy, publicationDate, file: file.relativePath,
    }));
  },
  async backstage() {
    const { TechRadarLoaderResponseParser } = require("@backstage-community/plugin-tech-radar-common");
    return TechRadarLoaderResponseParser.parse(JSON.parse(require("node:fs").readFileSync(place, "utf8")));
  },
};

readers[reader]().then(
  (read) => console.log(JSON.stringify(read)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
