/** Values of options. */
import { InvalidArgumentError } from 'commander'

export function list(text: string): string[] {
  return text.split(',').filter((part) => part !== '')
}

export function whole(text: string): number {
  const value = Number(text)
  if (!(value >= 0 && Number.isInteger(value))) throw new InvalidArgumentError('a whole number is needed')
  return value
}

export function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0 && Number.isInteger(value))) throw new InvalidArgumentError('a whole number above 0 is needed')
  return value
}
