/** How many columns of a terminal a text takes: names of peers may be in any script. */

const segmenter = new Intl.Segmenter()
/** The scripts and pictures that terminals draw two columns wide. */
const WIDE =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60]/u

export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += WIDE.test(segment) ? 2 : 1
  return width
}

/** Cut, with … at its end, or filled up with spaces to exactly `width` columns. */
export function fitText(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  let fitted = text
  if (textWidth(text) > width) {
    fitted = ''
    let left = width - 1
    for (const { segment } of segmenter.segment(text)) {
      left -= textWidth(segment)
      if (left < 0) break
      fitted += segment
    }
    fitted += width > 0 ? '…' : ''
  }
  const space = ' '.repeat(width - textWidth(fitted))
  return align === 'right' ? space + fitted : fitted + space
}

const ASCII = /^[\u0020-\u007e]*$/
