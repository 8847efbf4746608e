import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Authorities and certificates of a test, made with OpenSSL in a folder of their own. */
export interface Certificates {
  /** the path of a file, such as `NAME.key`, `NAME.crt` or, both in one, `NAME.pem` */
  at(file: string): string
  openssl(...args: string[]): void
  authority(name: string): void
  certificate(name: string, signer: string, commonName?: string): void
  remove(): void
}

export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'))
  const at = (file: string) => join(folder, file)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  return {
    at,
    openssl,
    authority(name) {
      const made = ['-keyout', `${name}.key`, '-out', `${name}.crt`, '-subj', `/CN=${name}`]
      openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...made)
    },
    certificate(name, signer, commonName = name) {
      const subject = [
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
        '-subj',
        `/O=Hospital/CN=${commonName}`,
      ]
      openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', ...subject)
      const by = ['-CA', `${signer}.crt`, '-CAkey', `${signer}.key`, '-CAcreateserial']
      openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-days', '2', '-out', `${name}.crt`)
      writeFileSync(
        at(`${name}.pem`),
        readFileSync(at(`${name}.crt`)) + readFileSync(at(`${name}.key`), 'utf8'),
      )
    },
    remove: () => rmSync(folder, { recursive: true }),
  }
}
