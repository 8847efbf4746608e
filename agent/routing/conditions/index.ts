export { beyondBounds } from './bounds.ts'
export { compileWhen } from './when.ts'
