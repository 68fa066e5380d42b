/** The program of a sealing worker. */
import { workerData } from 'node:worker_threads'
import { help } from './sealing-help.js'
import type { SealingOrder } from './sealing-help.js'

help(workerData as SealingOrder)
