"""How do tensors, texts and tf.Examples become TF Serving's messages?"""
