// binary-parser 2.3 ships its types beside the CommonJS build only; its "exports" hide them from ES modules.
declare module 'binary-parser' {
  export { Parser } from 'binary-parser/dist/binary_parser.js'
}
