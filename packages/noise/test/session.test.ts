import { test } from 'vitest'
import portable from './portable.js'

portable(test)
