/** What is written beside the executables: package.json of each package, and the list of what is inside. */
import { createHash } from 'node:crypto';

const PROGRAM = 'claude-slack-hook';

/** Name of the package with the executable for a target. */
export function packageName(target) {
  return `${PROGRAM}-${target.name}`;
}

/** @param project package.json of this repository */
export function platformManifest(target, project) {
  const { name, os, cpu, libc } = target;
  return {
    name: packageName(target),
    ...{ version: project.version, description: `${PROGRAM} for ${name}`, license: project.license },
    ...{ os: [os], cpu: [cpu] },
    ...(libc === undefined ? {} : { libc: [libc] }),
    files: ['bin'],
    // The launcher looks for the file, which a list of exports would hide.
    preferUnplugged: true,
  };
}

/** The package that people install. @param built the targets that there are executables for */
export function mainManifest(built, project) {
  const { version, description, license, engines } = project;
  return {
    ...{ name: PROGRAM, version, description, license, type: 'module', engines },
    bin: { [PROGRAM]: `bin/${PROGRAM}.mjs` },
    man: [`man/${PROGRAM}.1`],
    files: ['bin', 'man'],
    optionalDependencies: Object.fromEntries(built.map((target) => [packageName(target), version])),
  };
}

/**
 * npm's list of the packages whose code may be in the executables, in CycloneDX, with the runtime, which npm takes for a tool, and
 * without what differs from run to run.
 * @param listed the output of `npm sbom`
 */
export function withRuntime(listed, { version, license, integrity }) {
  const bom = JSON.parse(listed);
  const { timestamp: _timestamp, ...metadata } = bom.metadata;
  const runtime = {
    'bom-ref': `bun@${version}`,
    ...{ type: 'platform', name: 'bun', version, scope: 'required', purl: `pkg:npm/bun@${version}` },
    hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex') }],
    licenses: [{ license: { id: license } }],
  };
  const root = metadata.component['bom-ref'];
  const complete = {
    ...bom,
    // npm takes the name of the folder.
    metadata: { ...metadata, component: { ...metadata.component, type: 'application', name: PROGRAM } },
    components: [...bom.components, runtime],
    dependencies: [
      ...bom.dependencies.map((each) =>
        each.ref === root ? { ...each, dependsOn: [...each.dependsOn, runtime['bom-ref']] } : each,
      ),
      { ref: runtime['bom-ref'], dependsOn: [] },
    ],
    serialNumber: '',
  };
  const hash = createHash('sha256').update(JSON.stringify(complete)).digest('hex');
  return { ...complete, serialNumber: `urn:uuid:${uuidOf(hash)}` };
}

/** Version 8 of RFC 9562: of bits of one's own choice. */
function uuidOf(hash) {
  const [a, b, c, d, e] = [
    [0, 8],
    [8, 12],
    [13, 16],
    [17, 20],
    [20, 32],
  ].map(([from, to]) => hash.slice(from, to));
  return `${a}-${b}-8${c}-8${d}-${e}`;
}
