import { defineConfig, type Options } from 'tsup'
import { base } from '../../tsup.base.ts'

const config: Options = base
export default defineConfig(config) as Options
