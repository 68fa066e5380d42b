/** Tags of OpenSSL for src/internal/known-answers.ts, folded into one by exclusive or. */
import { createCipheriv } from 'node:crypto'

const pattern = (length, first = 0) => Uint8Array.from({ length }, (_, i) => first + 7 * i)
const fold = (tags) => tags.reduce((folded, tag) => folded.map((byte, i) => byte ^ tag[i])).toString('hex')

console.log('aead', fold([0, 32, 65, 148].map((length) => tagOf(length, pattern(length % 33, 9)))))
const lengths = [0, 1, 16, 63, 64, 65, 255, 256, 257, 320, 513, 1440]
console.log('transport', fold(lengths.map((length) => tagOf(length, pattern(0)))))

function tagOf(length, associatedData) {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32LE(length, 4)
  nonce.writeUInt32LE(0xffffffff - length, 8)
  const cipher = createCipheriv('chacha20-poly1305', pattern(32, 201), nonce, { authTagLength: 16 })
  if (associatedData.length > 0) cipher.setAAD(associatedData, { plaintextLength: length })
  cipher.update(pattern(length))
  cipher.final()
  return cipher.getAuthTag()
}
