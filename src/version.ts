import { version } from '../package.json' with { type: 'json' };
import { testVariable } from './test-build.ts';

export const VERSION: string = testVariable('CSH_VERSION') ?? version;
