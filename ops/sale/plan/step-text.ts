import type { Step } from './parts.ts';

/** A step as people read it while an apply runs. */
export function stepText(step: Step): string {
  switch (step.do) {
    case 'create_sale':
      return `sale ${step.sale.sale}`;
    case 'change_sale':
      return `changes of ${step.sale}`;
    case 'create_sku':
      return `${step.sku.sku} with ${step.sku.units} units`;
    case 'change_sku':
      return `changes of ${step.sku}`;
    case 'restock':
      return `${step.units} units more of ${step.sku}`;
    case 'common_settings':
      return 'the settings for all SKUs';
    case 'set':
      return `${step.name} of ${step.sku}: ${step.text}`;
  }
}
