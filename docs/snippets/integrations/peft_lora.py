"""PEFT: only the adapters leap, since only they are trained. Trainer or a loop of your own alike."""

from peft import LoraConfig, get_peft_model

from asc_nn_training import attach


def train(model, make_optimizer, batches, gate):
    model = get_peft_model(model, LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    optimizer = make_optimizer(model.parameters())
    attached = attach(model, optimizer, gate=gate, loss=lambda model, batch: model(**batch).loss)
    for batch in batches:
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    attached.close()
    return attached.report()
