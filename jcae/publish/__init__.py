"""What is handed on: exports, explanations, MLflow."""
